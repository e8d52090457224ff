#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl<DB: Backend> _uow::Repository for Blogs<DB>
    where
        Blog: Entity<DB>,
    {
        type Database = <unit_of_work::Entities<Blog, DB> as _uow::Repository>::Database;
        fn new(
            __session: _uow::Session<
                <unit_of_work::Entities<Blog, DB> as _uow::Repository>::Database,
            >,
        ) -> Self {
            Self {
                blogs: <unit_of_work::Entities<
                    Blog,
                    DB,
                > as _uow::RepositoryOf<
                    <unit_of_work::Entities<Blog, DB> as _uow::Repository>::Database,
                >>::made_on(&__session),
                hits: <u64 as ::core::default::Default>::default(),
            }
        }
        fn entity_sets<'sets>(
            &'sets mut self,
            __sets: &mut _uow::EntitySets<
                'sets,
                <unit_of_work::Entities<Blog, DB> as _uow::Repository>::Database,
            >,
        ) {
            <unit_of_work::Entities<
                Blog,
                DB,
            > as _uow::RepositoryOf<
                <unit_of_work::Entities<Blog, DB> as _uow::Repository>::Database,
            >>::sets(&mut self.blogs, __sets);
        }
        fn schema(
            __schema: &mut _uow::Schema<
                <unit_of_work::Entities<Blog, DB> as _uow::Repository>::Database,
            >,
        ) {
            <unit_of_work::Entities<
                Blog,
                DB,
            > as _uow::RepositoryOf<
                <unit_of_work::Entities<Blog, DB> as _uow::Repository>::Database,
            >>::name_entities(__schema);
        }
    }
};
