# All tests, as CI runs them; installs the real servers they need on first use.
test:
    ./test

# Quick inner loop: the pure crates only.
core:
    cargo test -p plimsoll-core

# Formatting, lints and dependency policy.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo deny check

# The main job against the embedded server.
demo:
    cargo run --profile quick -- run 'sim://?ttft=50ms&itl=10ms' -u 16 -r 16 -t 10s

# The shipped binary: link-time optimised and stripped.
dist:
    cargo build --profile dist

# Accept changed snapshots after looking at each.
snapshots:
    cargo insta review
