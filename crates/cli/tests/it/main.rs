//! The program as a user meets it, all in one test program: every test runs the real binary.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod calibrate;
#[cfg(test)]
mod capacity;
#[cfg(test)]
mod capacity_ends;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod coldstart;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod dashboards;
#[cfg(test)]
mod dying;
#[cfg(test)]
mod family;
#[cfg(test)]
mod feeds;
#[cfg(test)]
mod frames;
#[cfg(test)]
mod http;
#[cfg(test)]
mod http2_server;
#[cfg(test)]
mod images;
#[cfg(test)]
mod live;
#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod misbehaving_http2;
#[cfg(test)]
mod objectives;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod payloads;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod plan_lint;
#[cfg(test)]
mod postgresql;
#[cfg(test)]
mod presets;
#[cfg(test)]
mod print_config;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod program;
#[cfg(test)]
mod prometheus;
#[cfg(test)]
mod pty;
#[cfg(test)]
mod real_servers;
#[cfg(test)]
mod redactor;
#[cfg(test)]
mod report;
#[cfg(test)]
mod results;
#[cfg(test)]
mod run;
#[cfg(test)]
mod seed_commands;
#[cfg(test)]
mod selftest;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod stack;
#[cfg(test)]
mod stop;
#[cfg(test)]
mod stress;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod truth;
#[cfg(test)]
mod watch;
