#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl<DB: Backend> _uow::Repository for Blogs<DB>
    where
        Blog: Entity<DB>,
    {
        type Database = <unit_of_work::Entities<Blog, DB> as _uow::Repository>::Database;
        fn new(__session: _uow::Session<Self::Database>) -> Self {
            Self {
                blogs: _uow::Repository::new(
                    _uow::SameDatabase::<Self::Database>::share(&__session),
                ),
                hits: <u64 as ::core::default::Default>::default(),
            }
        }
        fn entity_sets<'sets>(
            &'sets mut self,
            __sets: &mut _uow::EntitySets<'sets, Self::Database>,
        ) {
            _uow::Repository::entity_sets(
                &mut self.blogs,
                _uow::SameDatabase::<Self::Database>::sets(__sets),
            );
        }
        fn schema(__schema: &mut _uow::Schema<Self::Database>) {
            <unit_of_work::Entities<
                Blog,
                DB,
            > as _uow::Repository>::schema(
                _uow::SameDatabase::<Self::Database>::schema(__schema),
            );
        }
    }
};
