/// All repositories of [`Database`], lent at once by [`Database::split`].
#[allow(dead_code, deprecated)]
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
        type Database = <Session<Sqlite> as _uow::SessionField>::Database;
        const NAME: &'static ::core::primitive::str = "Database";
        fn with_session(__session: _uow::Session<Self::Database>) -> Self {
            Self {
                session: _uow::SessionField::from_session(__session),
                blogs: ::core::default::Default::default(),
                posts: ::core::default::Default::default(),
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
            if let ::core::option::Option::Some(__used) = _uow::Lazy::used(
                &mut self.posts,
            ) {
                _uow::Repository::visit(
                    __used,
                    _uow::SameDatabase::<Self::Database>::repositories(__sets),
                );
            }
        }
        fn schema(__schema: &mut _uow::Schema<Self::Database>) {
            <Blogs as _uow::Repository>::schema(
                _uow::SameDatabase::<Self::Database>::schema(__schema),
            );
            <Entities<
                Post,
                Sqlite,
            > as _uow::Repository>::schema(
                _uow::SameDatabase::<Self::Database>::schema(__schema),
            );
        }
    }
    #[automatically_derived]
    #[allow(dead_code)]
    impl Database {
        /// Lends the unit's `blogs`, made when first asked for.
        pub fn blogs(&mut self) -> &mut Blogs {
            _uow::Lazy::get(
                &mut self.blogs,
                _uow::SessionField::get(&self.session),
                _uow::Repository::new,
                _uow::SameDatabase::share,
            )
        }
        /// Lends the unit's `posts`, made when first asked for.
        pub fn posts(&mut self) -> &mut Entities<Post, Sqlite> {
            _uow::Lazy::get(
                &mut self.posts,
                _uow::SessionField::get(&self.session),
                _uow::Repository::new,
                _uow::SameDatabase::share,
            )
        }
        /// Lends all repositories at once.
        ///
        /// They share the unit's session: a statement that is sent while the rows of another are still streaming fails
        /// at once, as busy.
        pub fn split(&mut self) -> DatabaseSplit<'_> {
            let __session = _uow::SessionField::get(&self.session);
            DatabaseSplit {
                blogs: _uow::Lazy::get(
                    &mut self.blogs,
                    __session,
                    _uow::Repository::new,
                    _uow::SameDatabase::share,
                ),
                posts: _uow::Lazy::get(
                    &mut self.posts,
                    __session,
                    _uow::Repository::new,
                    _uow::SameDatabase::share,
                ),
            }
        }
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for DatabaseSplit<'_> {
        fn fmt(
            &self,
            __formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            __formatter.debug_struct("DatabaseSplit").finish_non_exhaustive()
        }
    }
};
