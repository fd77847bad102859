//! The pages of the workspace, so that what they show is compiled and run.

#[doc = include_str!("../../../README.md")]
struct Readme;

#[doc = include_str!("../../../docs/guide/locks.md")]
struct Locks;

#[doc = include_str!("../../../docs/guide/getting-started.md")]
struct GettingStarted;
