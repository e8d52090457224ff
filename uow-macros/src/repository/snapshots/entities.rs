#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl<'sets> _uow::Repository for Blogs<'sets> {
        type Database = _uow::DatabaseOf<Session<Sqlite>>;
        fn new(__session: _uow::Session<_uow::DatabaseOf<Session<Sqlite>>>) -> Self {
            Self {
                blogs: <Entities<
                    Blog,
                    Sqlite,
                > as _uow::RepositoryOf<
                    _uow::DatabaseOf<Session<Sqlite>>,
                >>::made_on(&__session),
                posts: <Posts<
                    'sets,
                > as _uow::RepositoryOf<
                    _uow::DatabaseOf<Session<Sqlite>>,
                >>::made_on(&__session),
                session: _uow::SessionField::from_session(__session),
            }
        }
        fn entity_sets<'sets_>(
            &'sets_ mut self,
            __sets: &mut _uow::EntitySets<'sets_, _uow::DatabaseOf<Session<Sqlite>>>,
        ) {
            <Entities<
                Blog,
                Sqlite,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::sets(&mut self.blogs, __sets);
            <Posts<
                'sets,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::sets(&mut self.posts, __sets);
        }
        fn schema(__schema: &mut _uow::Schema<_uow::DatabaseOf<Session<Sqlite>>>) {
            <Entities<
                Blog,
                Sqlite,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::name_entities(__schema);
            <Posts<
                'sets,
            > as _uow::RepositoryOf<
                _uow::DatabaseOf<Session<Sqlite>>,
            >>::name_entities(__schema);
        }
    }
};
