//! The name a table has if the user gives none.

/// `BlogPost` as `blog_post`, `HTTPLog2` as `http_log2`.
pub(super) fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 2);
    for (at, letter) in letters.iter().enumerate() {
        let after_word = at > 0 && !letters[at - 1].is_uppercase() && letters[at - 1] != '_';
        let before_word = at > 0 && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let starts_word = letter.is_uppercase() && (after_word || before_word);
        if starts_word && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn words_are_separated() {
        assert_eq!(snake_case("Blog"), "blog");
        assert_eq!(snake_case("BlogPost"), "blog_post");
        assert_eq!(snake_case("blogPost"), "blog_post");
    }

    #[test]
    fn an_abbreviation_is_one_word() {
        assert_eq!(snake_case("HTTPLog"), "http_log");
        assert_eq!(snake_case("PostID"), "post_id");
        assert_eq!(snake_case("URL"), "url");
    }

    #[test]
    fn digits_and_underscores_stay_where_they_are() {
        assert_eq!(snake_case("Blog2"), "blog2");
        assert_eq!(snake_case("V2Blog"), "v2_blog");
        assert_eq!(snake_case("Blog_Post"), "blog_post");
        assert_eq!(snake_case("_Blog"), "_blog");
    }
}
