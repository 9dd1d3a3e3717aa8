//! The state of a program, and the checks of the rules that hold between any two operations.

use super::callback::{Captures, CheckedRecorder};
use super::objects::Object;
use super::payload::{Part, Script};
use super::program::{JobOp, JobOpKind, Program};
use super::run::KeptRun;
use crate::process::{Before, check_settled};
use mapisync::abi::{IMAPISession, IUnknown};
use mapisync::testing::reference_count;
use mapisync::{ComPtr, SyncHost};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use test_support::{DropCounter, bare_object};

pub struct World {
    pub script: Script,
    pub captures: Captures,
    pub objects: Vec<Object>,
    pub session: ComPtr<IUnknown>,
    pub kept: Vec<KeptRun>,
    pub before: Before,
}

impl World {
    pub fn new(program: &Program) -> World {
        let before = Before::now();
        let (script, captures) = (Script::default(), Captures::default());
        World {
            objects: Object::all(&program.callbacks, &program.inner, &script, &captures),
            script,
            captures,
            session: bare_object(),
            kept: vec![],
            before,
        }
    }

    /// Returns the session's pointer. The crate calls only its `IUnknown` methods.
    pub fn session(&self) -> *mut IMAPISession {
        self.session.as_raw().cast()
    }

    /// Returns a host with this callback, and the session if it is wanted.
    pub fn host(&self, recorder: &Arc<CheckedRecorder>, session: bool) -> SyncHost {
        let host = SyncHost::new(self.part(recorder));
        if !session {
            return host;
        }
        // SAFETY: `self` keeps the session alive. The crate calls only its `IUnknown` methods,
        // which it has.
        let session = unsafe { ComPtr::from_raw_borrowed(self.session()) };
        host.session(session.expect("it is not NULL"))
    }

    /// Returns a payload that shares the objects' script, for calls without one of the objects.
    pub fn part(&self, recorder: &Arc<CheckedRecorder>) -> Part {
        Part::new(&self.script, recorder, &DropCounter::default())
    }

    /// Returns the number of kept runs whose callback is an object. Each holds a reference to it.
    pub fn runs_of(&self, number: usize) -> usize {
        let of = |run: &&KeptRun| run.host.object == Some(number);
        self.kept.iter().filter(of).count()
    }

    /// Checks the rules that hold between any two operations.
    pub fn check(&self) {
        self.before.wait_for_threads();
        for (number, object) in self.objects.iter().enumerate() {
            let references = object.held.len() + self.runs_of(number);
            let expected = object.expected_counts(references);
            check_settled(|| object.counts(references > 0), expected);
        }
        check_settled(|| reference_count(&self.session), 1);
        for object in &self.objects {
            object.recorder.check();
        }
        assert_eq!(self.captures.load(SeqCst), 0, "every capture is dropped");
    }

    /// Drops everything and checks that nothing is left.
    pub fn end(mut self) {
        while let Some(run) = self.kept.pop() {
            let (elsewhere, kind) = (false, JobOpKind::Drop);
            run.apply(&JobOp { elsewhere, kind }, &mut self.objects);
        }
        self.check();
        for object in &mut self.objects {
            object.own.clear();
            object.held.clear();
        }
        self.check();
        let World { script, objects, .. } = self;
        for object in objects {
            assert_eq!(Arc::strong_count(&object.recorder), 1, "another owner");
        }
        assert_eq!(Arc::strong_count(&script), 1, "no thread keeps the script");
        self.before.check();
    }
}
