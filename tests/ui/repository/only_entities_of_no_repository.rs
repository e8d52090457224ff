use unit_of_work::Repository;

struct Entities<T>(T);

#[derive(Repository)]
struct Blogs {
    blogs: Entities<i64>,
}

fn main() {}
