/// All repositories of [`Database`], lent at once by [`Database::split`].
#[allow(dead_code, deprecated, missing_debug_implementations)]
pub struct DatabaseSplit<'split> {
    /// The unit's `blogs`.
    pub blogs: &'split mut Blogs,
    /// The unit's `posts`.
    pub posts: &'split mut Entities<Post, Sqlite>,
}
#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl _uow::UnitOfWork for Database {
        type Database = _uow::DatabaseOf<Session<Sqlite>>;
        const NAME: &'static ::core::primitive::str = "Database";
        fn with_session(
            __session: _uow::Session<_uow::DatabaseOf<Session<Sqlite>>>,
        ) -> Self {
            Self {
                session: _uow::SessionField::from_session(__session),
                blogs: ::core::default::Default::default(),
                posts: ::core::default::Default::default(),
            }
        }
        fn session(&mut self) -> &mut _uow::Session<_uow::DatabaseOf<Session<Sqlite>>> {
            _uow::SessionField::get_mut(&mut self.session)
        }
        fn visit_repositories<'sets>(
            &'sets mut self,
            __sets: &mut _uow::Repositories<'sets, _uow::DatabaseOf<Session<Sqlite>>>,
        ) {
            <Blogs as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::visit(&mut self.blogs, __sets);
            <Entities<
                Post,
                Sqlite,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::visit(&mut self.posts, __sets);
        }
        fn schema(__schema: &mut _uow::Schema<_uow::DatabaseOf<Session<Sqlite>>>) {
            <Blogs as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::name_entities(__schema);
            <Entities<
                Post,
                Sqlite,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::name_entities(__schema);
        }
    }
    #[allow(dead_code, clippy::used_underscore_binding)]
    impl Database {
        /// Lends the unit's `blogs`, made when first asked for. For several at once: [`split`](Self::split).
        pub fn blogs(&mut self) -> &mut Blogs {
            <Blogs as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::lend(&mut self.blogs, &self.session)
        }
        /// Lends the unit's `posts`, made when first asked for. For several at once: [`split`](Self::split).
        pub fn posts(&mut self) -> &mut Entities<Post, Sqlite> {
            <Entities<
                Post,
                Sqlite,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::lend(&mut self.posts, &self.session)
        }
        /// Lends all repositories at once.
        ///
        /// They share the unit's session: a statement that is sent while the rows of another are still streaming fails
        /// at once, as busy.
        pub fn split(&mut self) -> DatabaseSplit<'_> {
            DatabaseSplit {
                blogs: <Blogs as _uow::RepositoryOf<
                    _uow::DatabaseOf<Session<Sqlite>>,
                >>::lend(&mut self.blogs, &self.session),
                posts: <Entities<
                    Post,
                    Sqlite,
                > as _uow::RepositoryOf<
                    _uow::DatabaseOf<Session<Sqlite>>,
                >>::lend(&mut self.posts, &self.session),
            }
        }
    }
};
