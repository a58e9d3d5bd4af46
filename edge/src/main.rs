//! `srs-edge`: fetches streams from where they are published, and serves them.

fn main() -> std::process::ExitCode {
    srs_node::main(srs_node::Role::Edge)
}
