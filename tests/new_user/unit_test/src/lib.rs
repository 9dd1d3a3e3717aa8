//! README's store and its test, and a test of cancellation.

#[cfg(test)]
#[rustfmt::skip]
mod receives;
#[rustfmt::skip]
pub mod store;

#[cfg(test)]
mod tests {
    use crate::{receives::receives_one_message, store::Store};
    use mapisync::testing::{Outlook, Recorder};
    use mapisync::{ComPtr, ExclusiveRun, abi::IMAPISync};
    use std::{fs, path::Path};
    use tempfile::tempdir;

    /// A store in `folder`, with so many messages on its server.
    fn store(folder: &Path, messages: usize) -> Store {
        let [server, local] = ["server", "local"].map(|name| folder.join(name));
        fs::create_dir(&server).unwrap();
        fs::create_dir(&local).unwrap();
        (0..messages).for_each(|n| fs::write(server.join(n.to_string()), "message").unwrap());
        Store { server, local, run: ExclusiveRun::default() }
    }

    #[test]
    fn readme_has_this_store_and_its_test() {
        let folder = tempdir().unwrap();
        receives_one_message(store(folder.path(), 1));
        let readme = include_str!("../../../../README.md");
        assert!(readme.contains(include_str!("store.rs")));
        assert!(readme.contains(include_str!("receives.rs")));
    }

    #[test]
    fn a_canceled_run_keeps_what_it_has_received() {
        for report in 0..=3 {
            let folder = tempdir().unwrap();
            let sync = ComPtr::<IMAPISync>::new(store(folder.path(), 3));
            let outcome = Outlook::new().recorder(Recorder::new().cancel_at(report)).run(&sync);
            outcome.assert_canceled().assert_no_leaks();
            assert_eq!(fs::read_dir(folder.path().join("local")).unwrap().count(), report);
        }
    }
}
