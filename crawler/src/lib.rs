//! Smoke: does every page answer before it is loaded; warm; probe.
