//! The inner provider's store, folder and messages. They record what is set.

use super::memory::{buffer_of, memory};
use mapisync::abi::IUnknown;
use mapisync::{Class, ComObject, ComPtr, GUID, HRESULT, Result};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, Mutex};
use wrapped_store32::mapi::*;

/// The value of a property.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Long(i32),
    Text(String),
    Binary(Vec<u8>),
    Time(u64),
}

/// Properties by their tags.
pub type Values = BTreeMap<u32, Value>;

/// A message that was saved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    pub properties: Values,
    pub recipients: Vec<Values>,
}

/// A function that gets the name of the method.
pub type Hook = Arc<dyn Fn(&str) + Send + Sync>;

/// The calls that the inner provider has received, and the failures that it shall return.
#[derive(Default)]
pub struct State {
    pub calls: Mutex<Vec<String>>,
    pub messages: Mutex<Vec<Saved>>,
    /// The method that fails, and its code.
    pub failing: Mutex<Option<(&'static str, HRESULT)>>,
    /// Runs at the beginning of each method.
    pub hook: Mutex<Option<Hook>>,
    /// The number of objects.
    pub objects: AtomicIsize,
}

impl State {
    /// Records a call, runs the hook, and fails if this method shall fail.
    pub fn enter(&self, method: &str, arguments: impl std::fmt::Display) -> Result<()> {
        self.calls.lock().unwrap().push(format!("{method}({arguments})"));
        let hook = self.hook.lock().unwrap().clone();
        if let Some(hook) = hook {
            hook(method);
        }
        match *self.failing.lock().unwrap() {
            Some((failing, code)) if failing == method => Err(code.into()),
            _ => Ok(()),
        }
    }

    pub fn token(self: &Arc<Self>) -> Token {
        self.objects.fetch_add(1, Ordering::Relaxed);
        Token(self.clone())
    }
}

/// Counts an object as long as it lives.
pub struct Token(pub Arc<State>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.objects.fetch_sub(1, Ordering::Relaxed);
    }
}

impl std::ops::Deref for Token {
    type Target = Arc<State>;
    fn deref(&self) -> &Arc<State> {
        &self.0
    }
}

/// The entry identifier of the inbox.
const INBOX: [u8; 24] = *b"....the inbox of the PST";

pub struct Store(pub Token);

impl Class for Store {
    type Interfaces = (IMsgStore,);
}

impl MapiProp for Store {}

impl MsgStore for Store {
    unsafe fn GetReceiveFolder(
        &self,
        class: LPTSTR,
        flags: u32,
        length: *mut u32,
        entry_id: *mut *mut ENTRYID,
        explicit: *mut LPTSTR,
    ) -> Result<HRESULT> {
        // SAFETY: the caller passes a string that ends with a NUL.
        let class = unsafe { std::ffi::CStr::from_ptr(class.cast()) }.to_str().unwrap();
        self.0.enter("GetReceiveFolder", format_args!("{class}, {flags}"))?;
        assert!(explicit.is_null());
        // SAFETY: the caller passes valid locations.
        unsafe {
            *length = INBOX.len() as u32;
            *entry_id = buffer_of(&INBOX).cast();
        }
        Ok(HRESULT::S_OK)
    }

    unsafe fn OpenEntry(
        &self,
        length: u32,
        entry_id: *mut ENTRYID,
        interface: *const GUID,
        flags: u32,
        kind: *mut u32,
        opened: *mut *mut IUnknown,
    ) -> Result<HRESULT> {
        // SAFETY: the caller passes an entry identifier of this length.
        let entry_id =
            unsafe { std::slice::from_raw_parts(entry_id.cast::<u8>(), length as usize) };
        assert_eq!(entry_id, INBOX);
        // SAFETY: the caller passes an IID.
        let iid = unsafe { *interface };
        self.0.enter("OpenEntry", format_args!("{iid}, {flags}"))?;
        let folder = ComObject::new(Folder(self.0.token())).cast::<IMAPIFolder>()?;
        // SAFETY: the caller passes valid locations.
        unsafe {
            *kind = 3; // MAPI_FOLDER
            *opened = folder.into_raw().cast();
        }
        Ok(HRESULT::S_OK)
    }

    unsafe fn StoreLogoff(&self, flags: *mut u32) -> Result<HRESULT> {
        // SAFETY: the caller passes a valid location.
        let flags = unsafe { &mut *flags };
        self.0.enter("StoreLogoff", &flags)?;
        *flags = 0x0001_0000; // LOGOFF_COMPLETE
        Ok(HRESULT::S_OK)
    }
}

struct Folder(Token);

impl Class for Folder {
    type Interfaces = (IMAPIFolder,);
}

impl MapiProp for Folder {}
impl MapiContainer for Folder {}

impl MapiFolder for Folder {
    unsafe fn CreateMessage(
        &self,
        interface: *const GUID,
        flags: u32,
        message: *mut *mut IMessage,
    ) -> Result<HRESULT> {
        assert!(interface.is_null());
        self.0.enter("CreateMessage", flags)?;
        let created = ComObject::new(Message { token: self.0.token(), set: Mutex::default() });
        // SAFETY: the caller passes a valid location.
        unsafe { *message = created.cast::<IMessage>()?.into_raw() };
        Ok(HRESULT::S_OK)
    }
}

struct Message {
    token: Token,
    set: Mutex<Saved>,
}

impl Class for Message {
    type Interfaces = (IMessage,);
}

impl MapiProp for Message {
    unsafe fn SetProps(
        &self,
        count: u32,
        properties: *mut SPropValue,
        problems: *mut *mut SPropProblemArray,
    ) -> Result<HRESULT> {
        self.token.enter("SetProps", count)?;
        // SAFETY: the caller passes as many values.
        let values = unsafe { values(count, properties) };
        self.set.lock().unwrap().properties.extend(values);
        let problem = self.token.failing.lock().unwrap();
        if let Some(("SetProps with a problem", code)) = *problem {
            let array = SPropProblemArray {
                cProblem: 1,
                aProblem: [SPropProblem { ulIndex: 2, ulPropTag: PR_SUBJECT_W, scode: code.0 }],
            };
            let buffer =
                buffer_of(&[0; size_of::<SPropProblemArray>()]).cast::<SPropProblemArray>();
            // SAFETY: the buffer is large enough, and the caller passes a valid location.
            unsafe {
                buffer.write(array);
                *problems = buffer;
            }
        }
        Ok(HRESULT::S_OK)
    }

    fn SaveChanges(&self, flags: u32) -> Result<HRESULT> {
        self.token.enter("SaveChanges", flags)?;
        let saved = self.set.lock().unwrap().clone();
        self.token.messages.lock().unwrap().push(saved);
        Ok(HRESULT::S_OK)
    }
}

impl MapiMessage for Message {
    unsafe fn ModifyRecipients(&self, flags: u32, list: *mut ADRLIST) -> Result<HRESULT> {
        assert_eq!(flags, MODRECIP_ADD);
        // SAFETY: the caller passes a list with as many recipients as it says.
        unsafe {
            self.token.enter("ModifyRecipients", (*list).cEntries)?;
            let entries = (&raw mut (*list).aEntries).cast::<ADRENTRY>();
            for index in 0..(*list).cEntries as usize {
                let entry = entries.add(index);
                let recipient = values((*entry).cValues, (*entry).rgPropVals);
                self.set.lock().unwrap().recipients.push(recipient);
                // A store may replace the properties by another buffer.
                memory().functions().2((*entry).rgPropVals.cast());
                (*entry).rgPropVals = buffer_of(&[0; 8]).cast();
            }
        }
        Ok(HRESULT::S_OK)
    }
}

/// Copies values.
///
/// # Safety
///
/// `values` must point to `count` values that are as their tags say.
pub unsafe fn values(count: u32, values: *mut SPropValue) -> Values {
    let mut copied = Values::new();
    for index in 0..count as usize {
        // SAFETY: by this function's contract.
        let (tag, value) = unsafe {
            let property = &*values.add(index);
            let value = match kind(property.ulPropTag) {
                PT_LONG => Value::Long(property.Value.l),
                PT_SYSTIME => {
                    let time = property.Value.ft;
                    Value::Time(
                        u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime),
                    )
                }
                PT_BINARY => {
                    let binary = property.Value.bin;
                    Value::Binary(
                        std::slice::from_raw_parts(binary.lpb, binary.cb as usize).to_vec(),
                    )
                }
                PT_UNICODE => {
                    let (start, mut length) = (property.Value.lpszW, 0);
                    while *start.add(length) != 0 {
                        length += 1;
                    }
                    let units = std::slice::from_raw_parts(start, length);
                    Value::Text(String::from_utf16(units).unwrap())
                }
                other => panic!("type {other}"),
            };
            (property.ulPropTag, value)
        };
        assert!(copied.insert(tag, value).is_none(), "{tag:#010X} comes twice");
    }
    copied
}

/// Makes a store. The caller owns the reference.
pub fn store(state: &Arc<State>) -> ComPtr<IMsgStore> {
    ComObject::new(Store(state.token())).cast().unwrap()
}
