/// All repositories of [`Database`], lent at once by [`Database::split`].
#[allow(dead_code, deprecated, missing_debug_implementations)]
pub(crate) struct DatabaseSplit<'split> {
    /// The unit's `articles`.
    pub(crate) articles: &'split mut Posts,
}
#[allow(deprecated, unused_qualifications)]
const _: () = {
    use crate::database::uow::__private as _uow;
    #[automatically_derived]
    impl _uow::UnitOfWork for Database {
        type Database = _uow::DatabaseOf<Conversation>;
        const NAME: &'static ::core::primitive::str = "Database";
        fn with_session(
            __session: _uow::Session<_uow::DatabaseOf<Conversation>>,
        ) -> Self {
            Self {
                connection: _uow::SessionField::from_session(__session),
                posts: ::core::default::Default::default(),
                cache: <Cache as ::core::default::Default>::default(),
            }
        }
        fn session(&mut self) -> &mut _uow::Session<_uow::DatabaseOf<Conversation>> {
            _uow::SessionField::get_mut(&mut self.connection)
        }
        fn visit_repositories<'sets>(
            &'sets mut self,
            __sets: &mut _uow::Repositories<'sets, _uow::DatabaseOf<Conversation>>,
        ) {
            <Posts as _uow::RepositoryOf<
                _uow::DatabaseOf<Conversation>,
            >>::visit(&mut self.posts, __sets);
        }
        fn schema(__schema: &mut _uow::Schema<_uow::DatabaseOf<Conversation>>) {
            <Posts as _uow::RepositoryOf<
                _uow::DatabaseOf<Conversation>,
            >>::name_entities(__schema);
        }
    }
    #[allow(dead_code, clippy::used_underscore_binding)]
    impl Database {
        /// Lends the unit's `articles`, made when first asked for. For several at once: [`split`](Self::split).
        pub(crate) fn articles(&mut self) -> &mut Posts {
            <Posts as _uow::RepositoryOf<
                _uow::DatabaseOf<Conversation>,
            >>::lend(&mut self.posts, _uow::SessionField::get(&self.connection))
        }
        /// Lends all repositories at once.
        ///
        /// They share the unit's session: a statement that is sent while the rows of another are still streaming fails
        /// at once, as busy.
        pub(crate) fn split(&mut self) -> DatabaseSplit<'_> {
            DatabaseSplit {
                articles: <Posts as _uow::RepositoryOf<
                    _uow::DatabaseOf<Conversation>,
                >>::lend(&mut self.posts, _uow::SessionField::get(&self.connection)),
            }
        }
    }
};
