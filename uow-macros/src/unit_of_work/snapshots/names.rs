/// All repositories of [`Database`], lent at once by [`Database::split`].
#[allow(dead_code, deprecated)]
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
        type Database = <Session<Sqlite> as _uow::SessionField>::Database;
        const NAME: &'static ::core::primitive::str = "Database";
        fn with_session(__session: _uow::Session<Self::Database>) -> Self {
            Self {
                _uow: _uow::SessionField::from_session(__session),
                __unit: ::core::default::Default::default(),
                r#type: ::core::default::Default::default(),
                borrowed: <Option<&'split str> as ::core::default::Default>::default(),
            }
        }
        fn session(&mut self) -> &mut _uow::Session<Self::Database> {
            _uow::SessionField::get_mut(&mut self._uow)
        }
        async fn flush_repositories(
            &mut self,
        ) -> ::core::result::Result<(), _uow::Error> {
            if let ::core::option::Option::Some(__used) = _uow::Lazy::used(
                &mut self.__unit,
            ) {
                _uow::Repository::flush(__used).await?;
            }
            if let ::core::option::Option::Some(__used) = _uow::Lazy::used(
                &mut self.r#type,
            ) {
                _uow::Repository::flush(__used).await?;
            }
            ::core::result::Result::Ok(())
        }
        fn clear_repositories(&mut self) {
            if let ::core::option::Option::Some(__used) = _uow::Lazy::used(
                &mut self.__unit,
            ) {
                _uow::Repository::clear(__used);
            }
            if let ::core::option::Option::Some(__used) = _uow::Lazy::used(
                &mut self.r#type,
            ) {
                _uow::Repository::clear(__used);
            }
        }
    }
    #[automatically_derived]
    #[allow(dead_code)]
    impl<'split> Database<'split>
    where
        Self: 'static,
    {
        /// Lends the unit's `__unit`, made when first asked for.
        fn __unit(&mut self) -> &mut Blogs {
            _uow::Lazy::get(
                &mut self.__unit,
                _uow::SessionField::get(&self._uow),
                _uow::Repository::new,
            )
        }
        /// Lends the unit's `type`, made when first asked for.
        fn r#type(&mut self) -> &mut Types<Self> {
            _uow::Lazy::get(
                &mut self.r#type,
                _uow::SessionField::get(&self._uow),
                _uow::Repository::new,
            )
        }
        /// Lends all repositories at once.
        ///
        /// They share the unit's session: a statement that is sent while the rows of another are still streaming fails
        /// at once, as busy.
        fn split(&mut self) -> DatabaseSplit<'_, 'split> {
            DatabaseSplit {
                __unit: _uow::Lazy::get(
                    &mut self.__unit,
                    _uow::SessionField::get(&self._uow),
                    _uow::Repository::new,
                ),
                r#type: _uow::Lazy::get(
                    &mut self.r#type,
                    _uow::SessionField::get(&self._uow),
                    _uow::Repository::new,
                ),
                __unit_: ::core::marker::PhantomData,
            }
        }
    }
    #[automatically_derived]
    impl<'split> ::core::fmt::Debug for DatabaseSplit<'_, 'split>
    where
        Database<'split>: 'static,
    {
        fn fmt(
            &self,
            __formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            __formatter.debug_struct("DatabaseSplit").finish_non_exhaustive()
        }
    }
};
