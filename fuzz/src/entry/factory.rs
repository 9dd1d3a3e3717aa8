//! `CreateMapiSync`, the exported function of the example library.

use super::arguments::Arguments;
use super::program::{Factory, Ppv};
use super::world::{MADE, Object, World, count};
use crate::place::Place;
use crate::process::LONG;
use crate::provider_dll::CreateMapiSync;
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, Error, HRESULT, MapiSyncProgressCallback, Result, SyncFlags, SyncHost};
use std::{env, fs, ptr};

/// For a store with an empty Maildir as its server, or with none.
pub fn factory(world: &mut World, factory: &Factory) {
    let object = &mut world.objects[MADE];
    let there_was_one = !object.held.is_empty();
    if !there_was_one {
        // Another object, at another address.
        object
            .pointers
            .iter_mut()
            .for_each(|(_, pointer)| *pointer = None);
        drop(world.place.take());
        let place = Place::new();
        let server = place.path().join("server");
        if factory.there_is_a_server {
            for sub in ["cur", "new", "tmp"] {
                fs::create_dir_all(server.join(sub)).expect("a folder can be made");
            }
        }
        // SAFETY: nobody else reads the environment meanwhile: no thread of an iteration's is left, and libFuzzer's own
        // watches memory.
        unsafe {
            env::set_var("MAPISYNC_SERVER", server);
            env::set_var("MAPISYNC_LOCAL", place.path().join("local"));
        }
        world.place = Some(place);
    }
    // It nulls the slot before it reads the identifier, so one does not lie in the other.
    let arguments = match factory.ppv {
        Ppv::Inside { offset: shift } => Arguments::new(&factory.riid, &Ppv::Own { shift }),
        _ => Arguments::new(&factory.riid, &factory.ppv),
    };
    // SAFETY: the arguments are NULL or valid, at any address.
    let answer = unsafe { CreateMapiSync(arguments.riid(), arguments.ppv()) };
    let opens = there_was_one || factory.there_is_a_server;
    if arguments.out().is_some() && arguments.iid.is_some() && !opens {
        assert_eq!(
            (answer, arguments.out()),
            (HRESULT::E_FAIL, Some(ptr::null_mut()))
        );
        return;
    }
    // A second object is another view of the same store; of a thing by itself nothing is kept.
    let mut second = Object::like(object);
    let out = arguments.check(
        answer,
        if there_was_one {
            &mut second
        } else {
            &mut *object
        },
    );
    let Some(out) = out else {
        return;
    };
    assert_eq!(count(&out), 1);
    if let (Some(flags), Ok(sync)) = (factory.run, out.cast::<IMAPISync>()) {
        run(&sync, SyncFlags::from_bits_retain(flags));
    }
    if !there_was_one {
        object.held.push(out);
    }
}

fn run(sync: &ComPtr<IMAPISync>, flags: SyncFlags) {
    struct Deaf;
    impl MapiSyncProgressCallback for Deaf {
        fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
            Ok(())
        }
        fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
            Ok(())
        }
        fn done(&self, _: HRESULT) -> Result<()> {
            Ok(())
        }
    }
    match SyncHost::new(Deaf).start(sync, flags) {
        Ok(run) => assert_eq!(run.wait(LONG).unwrap(), HRESULT::S_OK),
        Err(Error::Refused { code }) => {
            assert_eq!(code, HRESULT::MAPI_E_NO_SUPPORT);
            assert!(flags.contains(SyncFlags::THESE_FOLDERS));
        }
        Err(error) => panic!("{error}"),
    }
}
