//! Builds three views from the same samples: running, wall, holding the global lock.

use std::collections::BTreeMap;

use kneepoint_model::profile::ProfileView;
use py_spy::{Frame, StackTrace};

use crate::export::frame;

/// Weight by folded stack.
pub(super) type FoldedStacks = BTreeMap<String, u64>;

/// The three views of one or more processes.
#[derive(Debug, Default)]
pub(super) struct StackViews {
    running: FoldedStacks,
    wall: FoldedStacks,
    gil: FoldedStacks,
}

impl StackViews {
    /// Adds one sample of one thread.
    pub(super) fn record(&mut self, trace: &StackTrace) {
        let names: Vec<String> = trace.frames.iter().rev().map(frame_name).collect();
        let stack = if names.is_empty() {
            "[native]".to_owned()
        } else {
            frame::join(names.iter().map(String::as_str))
        };
        let idle = !trace.active && trace.frames.first().is_none_or(is_idle_leaf);
        if trace.owns_gil {
            add_weight(&mut self.gil, &stack, 1);
        }
        if trace.active {
            add_weight(&mut self.running, &stack, 1);
        }
        if !idle {
            add_weight(&mut self.wall, &stack, 1);
        }
    }

    /// Adds the views of another process.
    pub(super) fn merge(&mut self, other: Self) {
        for (own, theirs) in
            [(&mut self.running, other.running), (&mut self.wall, other.wall), (&mut self.gil, other.gil)]
        {
            for (stack, weight) in theirs {
                add_weight(own, &stack, weight);
            }
        }
    }

    /// Pairs each view with its name.
    pub(super) fn into_views(self) -> [(ProfileView, FoldedStacks); 3] {
        [(ProfileView::Running, self.running), (ProfileView::Wall, self.wall), (ProfileView::Gil, self.gil)]
    }
}

fn add_weight(stacks: &mut FoldedStacks, stack: &str, weight: u64) {
    if let Some(sum) = stacks.get_mut(stack) {
        *sum += weight;
    } else {
        stacks.insert(stack.to_owned(), weight);
    }
}

/// Frame name in py-spy's own form, `view (books/views.py:42)`.
fn frame_name(frame: &Frame) -> String {
    let file = frame.short_filename.as_deref().unwrap_or(&frame.filename);
    if frame.line > 0 {
        format!("{} ({file}:{})", frame.name, frame.line)
    } else {
        format!("{} ({file})", frame.name)
    }
}

/// Leaf functions in which a server waits for its next request; they carry no information about requests.
const IDLE_LEAVES: [(&str, &str); 12] = [
    ("accept", "socket.py"),
    ("select", "selectors.py"),
    ("poll", "selectors.py"),
    ("wait", "gunicorn/workers/sync.py"),
    ("run_for_one", "gunicorn/workers/sync.py"),
    ("wait_for_signals", "gunicorn/arbiter.py"),
    ("_worker", "concurrent/futures/thread.py"),
    ("get_request", "socketserver.py"),
    ("run", "gevent/hub.py"),
    ("wait_for_read", "eventlet/hubs/poll.py"),
    ("poll", "kombu/utils/eventio.py"),
    ("_recv", "billiard/connection.py"),
];

fn is_idle_leaf(leaf: &Frame) -> bool {
    // Since Python 3.11 names are qualified: `SyncWorker.wait`.
    let function = leaf.name.rsplit('.').next().unwrap_or_default();
    IDLE_LEAVES.iter().any(|(name, file)| function == *name && leaf.filename.ends_with(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str, filename: &str, line: i32) -> Frame {
        Frame {
            name: name.to_owned(),
            filename: filename.to_owned(),
            module: None,
            short_filename: None,
            line,
            locals: None,
            is_entry: false,
            is_shim_entry: false,
        }
    }

    fn trace(active: bool, owns_gil: bool, leaf_first: Vec<Frame>) -> StackTrace {
        StackTrace {
            pid: 1,
            thread_id: 1,
            thread_name: None,
            os_thread_id: None,
            active,
            owns_gil,
            frames: leaf_first,
            process_info: None,
        }
    }

    #[test]
    fn a_waiting_worker_is_in_no_view_and_a_waiting_query_is_in_wall() {
        let mut views = StackViews::default();
        let root = || frame("run", "gunicorn/arbiter.py", 7);
        views.record(&trace(
            false,
            false,
            vec![frame("SyncWorker.wait", "/x/gunicorn/workers/sync.py", 35), root()],
        ));
        views.record(&trace(false, false, vec![frame("execute", "sqlite3.py", 3), root()]));
        views.record(&trace(true, true, vec![frame("render", "base.py", 9), root()]));
        let [running, wall, gil] =
            views.into_views().map(|(_, stacks)| stacks.into_iter().collect::<Vec<_>>());
        let render = ("run (gunicorn/arbiter.py:7);render (base.py:9)".to_owned(), 1);
        assert_eq!(
            (running.as_slice(), gil.as_slice()),
            (std::slice::from_ref(&render), std::slice::from_ref(&render))
        );
        assert_eq!(wall, [("run (gunicorn/arbiter.py:7);execute (sqlite3.py:3)".to_owned(), 1), render]);
    }

    #[test]
    fn a_running_thread_in_an_idle_leaf_is_kept() {
        let mut views = StackViews::default();
        views.record(&trace(true, false, vec![frame("accept", "/usr/lib/python3.11/socket.py", 294)]));
        views.record(&trace(false, false, vec![]));
        let [running, wall, gil] = views.into_views().map(|(_, stacks)| stacks.len());
        assert_eq!((running, wall, gil), (1, 1, 0));
    }
}
