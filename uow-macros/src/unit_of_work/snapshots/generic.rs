/// All repositories of [`Database`], lent at once by [`Database::split`].
#[allow(dead_code, deprecated)]
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
        type Database = <Session<DB> as _uow::SessionField>::Database;
        const NAME: &'static ::core::primitive::str = "Database";
        fn with_session(__session: _uow::Session<Self::Database>) -> Self {
            Self {
                session: _uow::SessionField::from_session(__session),
                blogs: ::core::default::Default::default(),
                cache: <[C; SIZE] as ::core::default::Default>::default(),
            }
        }
        fn session(&mut self) -> &mut _uow::Session<Self::Database> {
            _uow::SessionField::get_mut(&mut self.session)
        }
        fn visit_repositories<'sets>(
            &'sets mut self,
            __sets: &mut _uow::Repositories<'sets, Self::Database>,
        ) {
            if let ::core::option::Option::Some(__used) = _uow::Lazy::used(
                &mut self.blogs,
            ) {
                _uow::Repository::visit(
                    __used,
                    _uow::SameDatabase::<Self::Database>::repositories(__sets),
                );
            }
        }
        fn schema(__schema: &mut _uow::Schema<Self::Database>) {
            <Blogs<
                'a,
                DB,
            > as _uow::Repository>::schema(
                _uow::SameDatabase::<Self::Database>::schema(__schema),
            );
        }
    }
    #[automatically_derived]
    #[allow(dead_code)]
    impl<
        'a,
        DB: Backend,
        C: Clone + Default,
        const SIZE: usize,
    > Database<'a, DB, C, SIZE>
    where
        Blogs<'a, DB>: Repository<Database = DB>,
    {
        /// Lends the unit's `blogs`, made when first asked for.
        pub fn blogs(&mut self) -> &mut Blogs<'a, DB> {
            _uow::Lazy::get(
                &mut self.blogs,
                _uow::SessionField::get(&self.session),
                _uow::Repository::new,
                _uow::SameDatabase::share,
            )
        }
        /// Lends all repositories at once.
        ///
        /// They share the unit's session: a statement that is sent while the rows of another are still streaming fails
        /// at once, as busy.
        pub fn split(&mut self) -> DatabaseSplit<'_, 'a, DB, C, SIZE> {
            let __session = _uow::SessionField::get(&self.session);
            DatabaseSplit {
                blogs: _uow::Lazy::get(
                    &mut self.blogs,
                    __session,
                    _uow::Repository::new,
                    _uow::SameDatabase::share,
                ),
                __unit: ::core::marker::PhantomData,
            }
        }
    }
    #[automatically_derived]
    impl<'a, DB: Backend, C: Clone + Default, const SIZE: usize> ::core::fmt::Debug
    for DatabaseSplit<'_, 'a, DB, C, SIZE>
    where
        Blogs<'a, DB>: Repository<Database = DB>,
    {
        fn fmt(
            &self,
            __formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            __formatter.debug_struct("DatabaseSplit").finish_non_exhaustive()
        }
    }
};
