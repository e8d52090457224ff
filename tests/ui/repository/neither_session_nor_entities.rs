use unit_of_work::Repository;

#[derive(Repository)]
struct Blogs {}

fn main() {}
