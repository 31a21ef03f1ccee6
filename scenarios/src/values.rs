//! The values that one user holds, indexed by variable.

use std::sync::Arc;

use crate::value::Value;

/// The index of a variable in a scenario's [`Values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VarId(pub(crate) u16);

/// The values that one user holds, by variable.
#[derive(Debug, Clone, Default)]
pub struct Values {
    single: Vec<Option<Value>>,
    /// Searched linearly, because few scenarios have any lists.
    lists: Vec<(VarId, Arc<[Value]>)>,
}

impl Values {
    /// The single value of a variable; `None` for a list.
    pub fn get(&self, id: VarId) -> Option<&Value> {
        self.single.get(usize::from(id.0)).and_then(Option::as_ref)
    }
    /// All values of a list; `None` when it is empty or the variable is not a list.
    pub fn list(&self, id: VarId) -> Option<Arc<[Value]>> {
        self.lists.iter().find(|(known, _)| *known == id).map(|(_, list)| Arc::clone(list))
    }
    /// True when the variable has a value or a list.
    pub fn has(&self, id: VarId) -> bool {
        self.get(id).is_some() || self.lists.iter().any(|(known, _)| *known == id)
    }
    /// Sets a value; `None` removes it.
    pub fn set(&mut self, id: VarId, value: Option<Value>) {
        let at = usize::from(id.0);
        if self.single.len() <= at {
            self.single.resize(at + 1, None);
        }
        self.single[at] = value;
    }
    /// Sets a list; an empty list removes it.
    pub fn set_list(&mut self, id: VarId, list: Vec<Value>) {
        self.lists.retain(|(known, _)| *known != id);
        if !list.is_empty() {
            self.lists.push((id, list.into()));
        }
    }
    /// Removes all values and lists, as at the start of a journey without a kept session.
    pub fn clear(&mut self) {
        self.single.clear();
        self.lists.clear();
    }
}
