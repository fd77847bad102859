//! What the cache promises among processes, and without a server.

mod outage;
mod scheduled;
mod stampede;
mod ten;
