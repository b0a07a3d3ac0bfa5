//! The children that judge changes, and what happens when one of them dies.

use std::io::{self, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::worker::{Done, Job, read_frame, write_frame};

/// How many children judge at once.
const CHILDREN: usize = 2;
/// What one record's changes may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// Why a job has no verdict.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The child ran out of time or memory: the changes are to blame, not the server.
    #[error("judging took more time or memory than is allowed")]
    Exhausted,
    #[error("the child for admission cannot be started: {0}")]
    Start(io::Error),
    #[error("admission: {0}")]
    Broken(String),
}

/// Cheap to clone.
#[derive(Clone)]
pub struct AdmissionPool {
    program: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Running>>>,
    permits: Arc<Semaphore>,
}

impl AdmissionPool {
    /// `program` is this server's own executable; it is started with `admit-worker`.
    pub fn new(program: PathBuf) -> Self {
        AdmissionPool {
            program: Arc::new(program),
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(CHILDREN)),
        }
    }

    /// Has one job judged. A child that fails is ended; the next job gets a new one.
    pub async fn judge(&self, job: &Job) -> Result<Done, PoolError> {
        let frame = minicbor::to_vec(job).map_err(|e| PoolError::Broken(e.to_string()))?;
        let permit = self
            .permits
            .acquire()
            .await
            .map_err(|e| PoolError::Broken(e.to_string()))?;
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let running = match idle {
            Some(running) => running,
            None => Running::start(&self.program).map_err(PoolError::Start)?,
        };
        let (answer, running) = running.exchange(frame).await?;
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(running);
        drop(permit);
        minicbor::decode::<Result<Done, String>>(&answer)
            .map_err(|e| PoolError::Broken(e.to_string()))?
            .map_err(PoolError::Broken)
    }
}

/// A frame for the child, and where its answer goes.
type Exchange = (Vec<u8>, oneshot::Sender<io::Result<Vec<u8>>>);

/// A child, with the thread that talks to it.
struct Running {
    child: Child,
    to_thread: mpsc::Sender<Exchange>,
}

impl Running {
    fn start(program: &PathBuf) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg("admit-worker")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        let missing = || io::Error::other("the child has no pipes");
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take().ok_or_else(missing)?;
        let (to_thread, jobs) = mpsc::channel();
        std::thread::Builder::new()
            .name("admission".into())
            .spawn(move || talk(input, output, jobs))?;
        Ok(Running { child, to_thread })
    }

    async fn exchange(self, frame: Vec<u8>) -> Result<(Vec<u8>, Self), PoolError> {
        let (reply, answer) = oneshot::channel();
        let gone = |_| PoolError::Exhausted;
        self.to_thread
            .send((frame, reply))
            .map_err(|_| PoolError::Exhausted)?;
        // Dropping `self` on the way out ends the child.
        match tokio::time::timeout(DEADLINE, answer)
            .await
            .map_err(|_| PoolError::Exhausted)?
            .map_err(gone)?
        {
            Ok(answer) => Ok((answer, self)),
            Err(_) => Err(PoolError::Exhausted),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn talk(mut input: ChildStdin, output: ChildStdout, jobs: mpsc::Receiver<Exchange>) {
    let mut output = BufReader::new(output);
    while let Ok((frame, reply)) = jobs.recv() {
        let answer = write_frame(&mut input, &frame)
            .and_then(|()| read_frame(&mut output))
            .and_then(|frame| frame.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof)));
        let ended = answer.is_err();
        if reply.send(answer).is_err() || ended {
            return;
        }
    }
}
