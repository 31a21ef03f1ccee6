//! The reference stack and its life: drivers, topologies, seed data.
