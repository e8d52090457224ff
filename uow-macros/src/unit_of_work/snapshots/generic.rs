/// All repositories of [`Database`], lent at once by [`Database::split`].
#[allow(dead_code, deprecated, missing_debug_implementations)]
pub struct DatabaseSplit<
    'split,
    'a,
    DB: Backend,
    C: Clone + Default = Cache,
    const SIZE: usize = 8,
>
where
    Blogs<'a, DB>: Repository<Database = DB>,
{
    /// The unit's `blogs`.
    pub blogs: &'split mut Blogs<'a, DB>,
    __unit: ::core::marker::PhantomData<&'split mut Database<'a, DB, C, SIZE>>,
}
#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl<'a, DB: Backend, C: Clone + Default, const SIZE: usize> _uow::UnitOfWork
    for Database<'a, DB, C, SIZE>
    where
        Blogs<'a, DB>: Repository<Database = DB>,
    {
        type Database = _uow::DatabaseOf<Session<DB>>;
        const NAME: &'static ::core::primitive::str = "Database";
        fn with_session(
            __session: _uow::Session<_uow::DatabaseOf<Session<DB>>>,
        ) -> Self {
            Self {
                session: _uow::SessionField::from_session(__session),
                blogs: ::core::default::Default::default(),
                cache: <[C; SIZE] as ::core::default::Default>::default(),
            }
        }
        fn session(&mut self) -> &mut _uow::Session<_uow::DatabaseOf<Session<DB>>> {
            _uow::SessionField::get_mut(&mut self.session)
        }
        fn visit_repositories<'sets>(
            &'sets mut self,
            __sets: &mut _uow::Repositories<'sets, _uow::DatabaseOf<Session<DB>>>,
        ) {
            <Blogs<
                'a,
                DB,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<DB>>,
            >>::visit(&mut self.blogs, __sets);
        }
        fn schema(__schema: &mut _uow::Schema<_uow::DatabaseOf<Session<DB>>>) {
            <Blogs<
                'a,
                DB,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<DB>>,
            >>::name_entities(__schema);
        }
    }
    #[allow(dead_code, clippy::used_underscore_binding)]
    impl<
        'a,
        DB: Backend,
        C: Clone + Default,
        const SIZE: usize,
    > Database<'a, DB, C, SIZE>
    where
        Blogs<'a, DB>: Repository<Database = DB>,
    {
        /// Lends the unit's `blogs`, made when first asked for. For several at once: [`split`](Self::split).
        pub fn blogs(&mut self) -> &mut Blogs<'a, DB> {
            <Blogs<
                'a,
                DB,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<DB>>,
            >>::lend(&mut self.blogs, &self.session)
        }
        /// Lends all repositories at once.
        ///
        /// They share the unit's session: a statement that is sent while the rows of another are still streaming fails
        /// at once, as busy.
        pub fn split(&mut self) -> DatabaseSplit<'_, 'a, DB, C, SIZE> {
            DatabaseSplit {
                blogs: <Blogs<
                    'a,
                    DB,
                > as _uow::RepositoryOf<
                    _uow::DatabaseOf<Session<DB>>,
                >>::lend(&mut self.blogs, &self.session),
                __unit: ::core::marker::PhantomData,
            }
        }
    }
};
