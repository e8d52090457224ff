 {
        fn from(__new: NewPost) -> Self {
            Self {
                title: __new.title,
                answers: __new.answers,
                id: <i64 as ::core::default::Default>::default(),
                created_at: <String as ::core::default::Default>::default(),
                version: <i64 as ::core::default::Default>::default(),
                note: <Option<String> as ::core::default::Default>::default(),
            }
        }
    }
};
/// What is given of a new [`Post`]: all but what the database and the unit of work make of it.
#[derive(Debug, serde::Deserialize)]
pub struct NewPost {
    /// What it is about.
    pub title: String,
    answers: Option<i64>,
}
