//! The binary: see [`devops_agent::cli`].

fn main() -> std::process::ExitCode {
    devops_agent::cli::main()
}
