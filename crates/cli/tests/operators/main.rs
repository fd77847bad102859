//! The commands for operators against real servers, as a person would type them.

#[cfg(test)]
mod components;
#[cfg(test)]
mod configure;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod ping;
#[cfg(test)]
mod security;
#[cfg(test)]
mod sentinels;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transcript;
