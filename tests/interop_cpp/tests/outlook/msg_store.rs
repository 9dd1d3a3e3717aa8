//! What both stores have in common: the methods of IMsgStore, and the Rust half that synchronises.

use crate::common::DropToken;
use mapisync::{Class, HRESULT, MapiSync, Result, SyncRequest, abi};
use outlook_mapi_sys::Microsoft::Office::Outlook::MAPI::Win32::{ENTRYID, IMAPISession};
pub use outlook_mapi_sys::Microsoft::Office::Outlook::MAPI::Win32::{IMsgStore, IMsgStore_Impl};
use std::ffi::c_void;
use std::sync::{Arc, Mutex};
use windows_core::{GUID, Interface};

/// What the methods are called with.
#[derive(Clone, Default)]
pub struct Calls(pub Arc<Mutex<Vec<String>>>);

impl Calls {
    pub fn note(&self, call: String) {
        self.0.lock().unwrap().push(call);
    }
}

/// An entry identifier, made of text by the host.
///
/// # Safety
///
/// There are that many bytes.
pub unsafe fn text(size: u32, entry: *const ENTRYID) -> String {
    // SAFETY: the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts(entry.cast::<u8>(), size as usize) };
    String::from_utf8_lossy(bytes).into_owned()
}

fn entry(text: &'static str) -> (u32, *mut ENTRYID) {
    (text.len() as u32, text.as_ptr().cast_mut().cast())
}

/// A failure without the error object that windows-rs would make of it: MAPI has no use for one.
pub fn failed<T>(code: HRESULT) -> windows_core::Result<T> {
    Err(windows_core::Error::from_hresult(windows_core::HRESULT(
        code.0,
    )))
}

/// The code of an answer of theirs.
fn code(answer: windows_core::Result<()>) -> HRESULT {
    HRESULT(answer.map_or_else(|error| error.code().0, |()| 0))
}

/// What synchronises.
pub struct Half(#[allow(dead_code)] DropToken);

impl Half {
    pub fn new(tombstone: DropToken) -> Half {
        Half(tombstone)
    }
}

/// For the store that aggregates it.
impl Class for Half {
    type Interfaces = (abi::IMAPISync,);
}

impl MapiSync for Half {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let lent = request.session().ok_or(HRESULT::E_INVALIDARG)?;
        let raw = lent.as_raw().cast::<c_void>();
        // SAFETY: documented as an IMAPISession, borrowed for the call; `lent` lives no longer than that.
        let session = unsafe { IMAPISession::from_raw_borrowed(&raw) }.unwrap();
        let ((a, inbox), (b, out)) = (entry("inbox"), entry("out"));
        let (mut error, mut equal) = (std::ptr::dangling_mut(), 0);
        let (mut store, mut iid) = (None, IMsgStore::IID);
        // SAFETY: every pointer is valid for its call, the identifiers for reads, which is all that is documented.
        unsafe {
            let not_found = windows_core::HRESULT(HRESULT::MAPI_E_NOT_FOUND.0);
            assert!(session.GetLastError(not_found, 31, &mut error).is_ok());
            assert!(error.is_null());
            let answer = session.CompareEntryIDs(a, inbox, b, out, 32, &mut equal);
            assert_eq!((code(answer), equal), (HRESULT::S_OK, 5));
            let answer = session.OpenMsgStore(33, a, inbox, &mut iid, 34, &mut store);
            assert_eq!(code(answer), HRESULT::S_OK);
            let store: IMsgStore = store.unwrap(); // what this is a part of, which holds its own reference
            assert_eq!(code(store.SaveChanges(23)), HRESULT::MAPI_E_OBJECT_CHANGED);
        }

        // Their pointers do not leave a thread, so ours takes the session along.
        let kept = lent.to_ptr();
        request.spawn(move |job| {
            // MAPI's own session would want MAPIInitialize here; the host's is free-threaded.
            // SAFETY: as above; `into_raw` hands its reference over.
            let session = unsafe { IMAPISession::from_raw(kept.into_raw().cast()) };
            let mut iid = GUID::from_u128(0x5024A385_2D44_486A_81A8_8F0ECB6071DD);
            let mut token = 0;
            // SAFETY: every pointer is valid for its call.
            let (logged_off, prepared) = unsafe {
                (
                    session.Logoff(35, 36, 37),
                    session.PrepareForm(&mut iid, None, &mut token),
                )
            };
            drop(session);
            job.error(code(logged_off), "a")?;
            job.error(code(prepared), "b")?;
            job.progress(Some("ü"), 1, 2)?;
            Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION)
        })
    }
}

/// Methods that nobody calls.
macro_rules! not_supported {
    ($($name:ident($($argument:ty),*) $(-> $result:ty)?;)+) => {$(
        fn $name(&self, $(_: $argument),*) -> windows_core::Result<not_supported!(@ $($result)?)> {
            $crate::msg_store::failed(mapisync::HRESULT::MAPI_E_NO_SUPPORT)
        }
    )+};
    (@) => { () };
    (@ $result:ty) => { $result };
}
pub(crate) use not_supported;

/// The methods of IMAPIProp and IMsgStore for an object that has `calls`. They note their arguments, and each answers in
/// its own way, so that a slot beside the right one is seen. Nothing is asserted: windows-core catches no panic, which
/// would end the process. The traits say `fn` of what is `unsafe`: pointers are what MAPI documents, by its callers' word.
macro_rules! msg_store {
    ($object:ty) => {
        const _: () = {
            use $crate::msg_store::{IMsgStore_Impl, failed, not_supported, text};
            use mapisync::HRESULT as Code;
            use outlook_mapi_sys::Microsoft::Office::Outlook::MAPI::Win32::*;
            use std::ptr::null_mut;
            use windows_core::{GUID, HRESULT, IUnknown, IUnknownImpl, Interface, OutRef, Ref, Result};
            type P<T> = *mut T;

            impl IMAPIProp_Impl for $object {
                fn GetLastError(&self, result: HRESULT, flags: u32, error: P<P<MAPIERROR>>) -> Result<()> {
                    self.calls.note(format!("GetLastError({:08X}, {flags})", result.0));
                    // SAFETY: `lppMAPIError` is documented as a place for a pointer.
                    unsafe { *error = null_mut() };
                    Ok(())
                }
                fn SaveChanges(&self, flags: u32) -> Result<()> {
                    self.calls.note(format!("SaveChanges({flags})"));
                    failed(Code::MAPI_E_OBJECT_CHANGED)
                }
                fn GetIDsFromNames(
                    &self,
                    count: u32,
                    names: P<P<MAPINAMEID>>,
                    flags: u32,
                    tags: P<P<SPropTagArray>>,
                ) -> Result<()> {
                    // SAFETY: documented as an array of pointers to names, of which the host passes one, a number, and as a
                    // place for a pointer.
                    let (kind, name) = unsafe {
                        *tags = null_mut();
                        ((**names).ulKind, (**names).Kind.lID)
                    };
                    self.calls.note(format!("GetIDsFromNames({count}, kind {kind}, {name}, {flags})"));
                    failed(Code::MAPI_E_NOT_ENOUGH_MEMORY)
                }
                not_supported! {
                    GetProps(P<SPropTagArray>, u32, P<u32>, P<P<SPropValue>>);
                    GetPropList(u32, P<P<SPropTagArray>>);
                    OpenProperty(u32, P<GUID>, u32, u32, OutRef<IUnknown>);
                    SetProps(u32, P<SPropValue>, P<P<SPropProblemArray>>);
                    DeleteProps(P<SPropTagArray>, P<P<SPropProblemArray>>);
                    CopyTo(
                        u32, P<GUID>, P<SPropTagArray>, usize, Ref<IMAPIProgress>, P<GUID>, P<std::ffi::c_void>, u32,
                        P<P<SPropProblemArray>>
                    );
                    CopyProps(
                        P<SPropTagArray>, usize, Ref<IMAPIProgress>, P<GUID>, P<std::ffi::c_void>, u32,
                        P<P<SPropProblemArray>>
                    );
                    GetNamesFromIDs(P<P<SPropTagArray>>, P<GUID>, u32, P<u32>, P<P<P<MAPINAMEID>>>);
                }
            }

            impl IMsgStore_Impl for $object {
                fn CompareEntryIDs(
                    &self,
                    a: u32,
                    one: P<ENTRYID>,
                    b: u32,
                    other: P<ENTRYID>,
                    flags: u32,
                    result: P<u32>,
                ) -> Result<()> {
                    // SAFETY: documented as identifiers of the sizes before them, and a place for the result.
                    let (one, other) = unsafe {
                        *result = 1;
                        (text(a, one), text(b, other))
                    };
                    self.calls.note(format!("CompareEntryIDs({one}, {other}, {flags})"));
                    Ok(())
                }
                fn OpenEntry(
                    &self,
                    size: u32,
                    id: P<ENTRYID>,
                    iid: P<GUID>,
                    flags: u32,
                    kind: P<u32>,
                    out: OutRef<IUnknown>,
                ) -> Result<()> {
                    let mut found = null_mut();
                    // SAFETY: documented as an identifier of that size, an IID, which the host passes, and a place for the
                    // type; `found` is a place for an interface.
                    let (id, answer) = unsafe {
                        *kind = MAPI_STORE;
                        (text(size, id), IUnknownImpl::QueryInterface(self, iid, &mut found))
                    };
                    self.calls.note(format!("OpenEntry({id}, {flags})"));
                    // SAFETY: QueryInterface leaves an interface with a reference for the caller, or NULL.
                    out.write((!found.is_null()).then(|| unsafe { IUnknown::from_raw(found) }))?;
                    answer.ok()
                }
                fn StoreLogoff(&self, flags: P<u32>) -> Result<()> {
                    // SAFETY: `lpulFlags` is documented as in and out.
                    let before = unsafe { flags.replace(LOGOFF_COMPLETE) };
                    self.calls.note(format!("StoreLogoff({before})"));
                    failed(Code::MAPI_E_USER_CANCEL)
                }
                fn FinishedMsg(&self, flags: u32, size: u32, id: P<ENTRYID>) -> Result<()> {
                    // SAFETY: documented as an identifier of that size.
                    let id = unsafe { text(size, id) };
                    self.calls.note(format!("FinishedMsg({flags}, {id})"));
                    failed(Code::MAPI_E_NO_ACCESS)
                }
                fn NotifyNewMail(&self, news: P<NOTIFICATION>) -> Result<()> {
                    // SAFETY: documented as a notification of new mail, for which the union has that member.
                    let (kind, id) = unsafe {
                        let mail = (*news).info.newmail;
                        ((*news).ulEventType, text(mail.cbEntryID, mail.lpEntryID))
                    };
                    self.calls.note(format!("NotifyNewMail({kind}, {id})"));
                    failed(Code::MAPI_E_NETWORK_ERROR)
                }
                not_supported! {
                    Advise(u32, P<ENTRYID>, u32, Ref<IMAPIAdviseSink>, P<usize>);
                    Unadvise(usize);
                    SetReceiveFolder(P<i8>, u32, u32, P<ENTRYID>);
                    GetReceiveFolder(P<i8>, u32, P<u32>, P<P<ENTRYID>>, P<P<i8>>);
                    GetReceiveFolderTable(u32) -> IMAPITable;
                    AbortSubmit(u32, P<ENTRYID>, u32);
                    GetOutgoingQueue(u32) -> IMAPITable;
                    SetLockState(Ref<IMessage>, u32);
                }
            }
        };
    };
}
pub(crate) use msg_store;
