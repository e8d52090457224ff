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
        fn visit_repositories<'sets>(
            &'sets mut self,
            __sets: &mut _uow::Repositories<'sets, Self::Database>,
        ) {
            if let ::core::option::Option::Some(__used) = _uow::Lazy::used(
                &mut self.__unit,
            ) {
                _uow::Repository::visit(
                    __used,
                    _uow::SameDatabase::<Self::Database>::repositories(__sets),
                );
            }
            if let ::core::option::Option::Some(__used) = _uow::Lazy::used(
                &mut self.r#type,
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
            <Types<
                Self,
            > as _uow::Repository>::schema(
                _uow::SameDatabase::<Self::Database>::schema(__schema),
            );
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
                _uow::SameDatabase::share,
            )
        }
        /// Lends the unit's `type`, made when first asked for.
        fn r#type(&mut self) -> &mut Types<Self> {
            _uow::Lazy::get(
                &mut self.r#type,
                _uow::SessionField::get(&self._uow),
                _uow::Repository::new,
                _uow::SameDatabase::share,
            )
        }
        /// Lends all repositories at once.
        ///
        /// They share the unit's session: a statement that is sent while the rows of another are still streaming fails
        /// at once, as busy.
        fn split(&mut self) -> DatabaseSplit<'_, 'split> {
            let __session = _uow::SessionField::get(&self._uow);
            DatabaseSplit {
                __unit: _uow::Lazy::get(
                    &mut self.__unit,
                    __session,
                    _uow::Repository::new,
                    _uow::SameDatabase::share,
                ),
                r#type: _uow::Lazy::get(
                    &mut self.r#type,
                    __session,
                    _uow::Repository::new,
                    _uow::SameDatabase::share,
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
