#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl<'sets> _uow::Repository for Blogs<'sets> {
        type Database = <Session<Sqlite> as _uow::SessionField>::Database;
        fn new(__session: _uow::Session<Self::Database>) -> Self {
            Self {
                blogs: _uow::Repository::new(
                    _uow::SameDatabase::<Self::Database>::share(&__session),
                ),
                posts: _uow::Repository::new(
                    _uow::SameDatabase::<Self::Database>::share(&__session),
                ),
                session: _uow::SessionField::from_session(__session),
            }
        }
        fn entity_sets<'sets_>(
            &'sets_ mut self,
            __sets: &mut _uow::EntitySets<'sets_, Self::Database>,
        ) {
            _uow::Repository::entity_sets(
                &mut self.blogs,
                _uow::SameDatabase::<Self::Database>::sets(__sets),
            );
            _uow::Repository::entity_sets(
                &mut self.posts,
                _uow::SameDatabase::<Self::Database>::sets(__sets),
            );
        }
        fn schema(__schema: &mut _uow::Schema<Self::Database>) {
            <Entities<
                Blog,
                Sqlite,
            > as _uow::Repository>::schema(
                _uow::SameDatabase::<Self::Database>::schema(__schema),
            );
            <Posts<
                'sets,
            > as _uow::Repository>::schema(
                _uow::SameDatabase::<Self::Database>::schema(__schema),
            );
        }
    }
};
