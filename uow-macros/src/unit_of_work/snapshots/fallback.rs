::core::compile_error! {
    "this field is neither the session nor a repository: write `Lazy<Posts>` for a repository, `#[uow(skip)]` for a field that starts as its default, `#[uow(session)]` for a session by another type name"
}
/// All repositories of [`Database`], lent at once by [`Database::split`].
#[allow(dead_code, deprecated, missing_debug_implementations)]
pub struct DatabaseSplit<'split> {
    /// The unit's `blogs`.
    pub blogs: &'split mut Blogs,
    /// The unit's `posts`.
    pub posts: &'split mut Posts,
}
#[allow(dead_code, clippy::used_underscore_binding)]
impl Database {
    /// Lends the unit's `blogs`, made when first asked for. For several at once: [`split`](Self::split).
    pub fn blogs(&mut self) -> &mut Blogs {
        ::core::unreachable!()
    }
    /// Lends the unit's `posts`, made when first asked for. For several at once: [`split`](Self::split).
    pub fn posts(&mut self) -> &mut Posts {
        ::core::unreachable!()
    }
    /// Lends all repositories at once.
    ///
    /// They share the unit's session: a statement that is sent while the rows of another are still streaming fails
    /// at once, as busy.
    pub fn split(&mut self) -> DatabaseSplit<'_> {
        ::core::unreachable!()
    }
}
#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl _uow::UnitOfWork for Database {
        type Database = _uow::DatabaseOf<Session<Sqlite>>;
        const NAME: &'static ::core::primitive::str = "Database";
        fn with_session(_: _uow::Session<Self::Database>) -> Self {
            ::core::unreachable!()
        }
        fn session(&mut self) -> &mut _uow::Session<Self::Database> {
            ::core::unreachable!()
        }
        fn visit_repositories<'sets>(
            &'sets mut self,
            _: &mut _uow::Repositories<'sets, Self::Database>,
        ) {}
        fn schema(_: &mut _uow::Schema<Self::Database>) {}
    }
};
