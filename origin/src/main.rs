//! `srs-origin`: serves the streams that are published to it.

fn main() -> std::process::ExitCode {
    srs_node::main(srs_node::Role::Origin)
}
