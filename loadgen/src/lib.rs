//! Load: one step function, one transport, one recorder; two schedulers, closed (goose) and open (ours).
