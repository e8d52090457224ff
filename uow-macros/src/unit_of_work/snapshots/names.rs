/// All repositories of [`Database`], lent at once by [`Database::split`].
#[allow(dead_code, deprecated, missing_debug_implementations)]
struct DatabaseSplit<'split_, 'split>
where
    Database<'split>: 'static,
{
    /// The unit's `__unit`.
    __unit: &'split_ mut Blogs,
    /// The unit's `type`.
    r#type: &'split_ mut Types<Database<'split>>,
    __unit_: ::core::marker::PhantomData<&'split_ mut Database<'split>>,
}
#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl<'split> _uow::UnitOfWork for Database<'split>
    where
        Self: 'static,
    {
        type Database = _uow::DatabaseOf<Session<Sqlite>>;
        const NAME: &'static ::core::primitive::str = "Database";
        fn with_session(
            __session: _uow::Session<_uow::DatabaseOf<Session<Sqlite>>>,
        ) -> Self {
            Self {
                _uow: _uow::SessionField::from_session(__session),
                __unit: ::core::default::Default::default(),
                r#type: ::core::default::Default::default(),
                borrowed: <Option<&'split str> as ::core::default::Default>::default(),
            }
        }
        fn session(&mut self) -> &mut _uow::Session<_uow::DatabaseOf<Session<Sqlite>>> {
            _uow::SessionField::get_mut(&mut self._uow)
        }
        fn visit_repositories<'sets>(
            &'sets mut self,
            __sets: &mut _uow::Repositories<'sets, _uow::DatabaseOf<Session<Sqlite>>>,
        ) {
            <Blogs as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::visit(&mut self.__unit, __sets);
            <Types<
                Self,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::visit(&mut self.r#type, __sets);
        }
        fn schema(__schema: &mut _uow::Schema<_uow::DatabaseOf<Session<Sqlite>>>) {
            <Blogs as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::name_entities(__schema);
            <Types<
                Self,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::name_entities(__schema);
        }
    }
    #[allow(dead_code, clippy::used_underscore_binding)]
    impl<'split> Database<'split>
    where
        Self: 'static,
    {
        /// Lends the unit's `__unit`, made when first asked for. For several at once: [`split`](Self::split).
        fn __unit(&mut self) -> &mut Blogs {
            <Blogs as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::lend(&mut self.__unit, &self._uow)
        }
        /// Lends the unit's `type`, made when first asked for. For several at once: [`split`](Self::split).
        fn r#type(&mut self) -> &mut Types<Self> {
            <Types<
                Self,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::lend(&mut self.r#type, &self._uow)
        }
        /// Lends all repositories at once.
        ///
        /// They share the unit's session: a statement that is sent while the rows of another are still streaming fails
        /// at once, as busy.
        fn split(&mut self) -> DatabaseSplit<'_, 'split> {
            DatabaseSplit {
                __unit: <Blogs as _uow::RepositoryOf<
                    _uow::DatabaseOf<Session<Sqlite>>,
                >>::lend(&mut self.__unit, &self._uow),
                r#type: <Types<
                    Self,
                > as _uow::RepositoryOf<
                    _uow::DatabaseOf<Session<Sqlite>>,
                >>::lend(&mut self.r#type, &self._uow),
                __unit_: ::core::marker::PhantomData,
            }
        }
    }
};
