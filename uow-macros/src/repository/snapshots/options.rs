#[allow(deprecated, unused_qualifications)]
const _: () = {
    use crate::database::uow::__private as _uow;
    #[automatically_derived]
    impl<DB: Backend, const SIZE: usize> _uow::Repository for Blogs<DB, SIZE>
    where
        DB::Row: Send,
    {
        type Database = _uow::DatabaseOf<Conversation<DB>>;
        fn new(__session: _uow::Session<_uow::DatabaseOf<Conversation<DB>>>) -> Self {
            Self {
                connection: _uow::SessionField::from_session(__session),
                cache: <[Option<Blog>; SIZE] as ::core::default::Default>::default(),
            }
        }
    }
};
