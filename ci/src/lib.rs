//! Gate: assertions, verdict, JUnit and annotations.
