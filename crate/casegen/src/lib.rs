//! Makes cases whose truth is known: the example case of the page, and cases for benchmarks and accuracy tests.
//!
//! A case is made in two steps that do not know each other:
//!
//! ```text
//! story ──► plan ──► world              facts: who did what when, by one true clock
//!                      │
//!                      ├──► cloud       the facts as Activity Log exports
//!                      ├──► linux       the facts as each guest saw them, by its own clock
//!                      ├──► windows     the same of Windows guests, and of their endpoint sensors
//!                      └──► truth       the facts themselves
//! ```
//!
//! So a new story needs no new writer, a new format no new story, and the truth cannot differ from what was written
//! without somebody lying in one of them. Everything incidental (ids, fractions of seconds, waiting times) is drawn
//! from a seed; neither clock nor environment is read, and the same seed gives the same bytes.
//!
//! Rejected: recorded logs with names replaced. They would hold third parties' data, and nobody would know their truth.
//!
//! All names are made up; addresses are those set aside for documentation (RFC 5737, RFC 3849).

pub mod adversary;
pub mod case;
pub mod cloud;
pub mod instant;
pub mod json;
pub mod linux;
pub mod plan;
pub mod random;
pub mod story;
pub mod truth;
pub mod volume;
pub mod windows;
pub mod world;

#[cfg(test)]
mod tests;

pub use case::{Case, CaseFile};

/// The seed of the example case.
pub const EXAMPLE_SEED: u64 = 7;

/// Renders a world: its files by path, and its truth.
#[must_use]
pub fn render(world: &world::World) -> Case {
    let mut files = cloud::files(world);
    files.extend(linux::files(world));
    files.extend(windows::files(world));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let truth = truth::truth(world, &files);
    Case { files, truth }
}

/// The example case: a stolen operator's token, three Linux machines and a Windows one, three days.
#[must_use]
pub fn example_case() -> Case {
    render(&story::example(EXAMPLE_SEED))
}

/// The example case as the page embeds it: `[{"path", "modified_ms", "text" | "base64"}]`.
#[must_use]
pub fn example_json() -> Vec<u8> {
    example_case().to_json()
}
