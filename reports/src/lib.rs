//! Say: one view model, one renderer per format, one chart grammar.
