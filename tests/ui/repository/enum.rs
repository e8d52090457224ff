use unit_of_work::Repository;

#[derive(Repository)]
enum Blogs {}

fn main() {}
