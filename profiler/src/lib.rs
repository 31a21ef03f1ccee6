//! Observe: stacks and resources of every tier while load runs.
