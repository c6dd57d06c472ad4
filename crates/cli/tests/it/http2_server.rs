//! A small server that speaks HTTP/2 by prior knowledge.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::server::SendResponse;
use http::request::Parts;
use http::{Method, Response};
use tokio::net::{TcpListener, TcpStream};

/// Method, path, the fields `x-key` and `user-agent`, and the body of each request so far.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<[String; 5]>>>);

impl Asked {
    pub(crate) fn take(&self) -> Vec<[String; 5]> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// A server that answers 200 with a frame for each text that `answer` makes of the path. It lasts as long as the test
/// program.
pub(crate) fn answering_http2(
    asked: Asked,
    answer: impl Fn(&str) -> Vec<&'static str> + Send + 'static,
) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        runtime.block_on(async move {
            // One connection at a time is all that these tests need.
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes away ends its connection by an error, which is as it should be.
                let _ = serve(stream, &asked, &answer).await;
            }
        });
    });
    url
}

async fn serve(
    stream: TcpStream,
    asked: &Asked,
    answer: &impl Fn(&str) -> Vec<&'static str>,
) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request?;
        let (head, mut body) = request.into_parts();
        let mut bytes = Vec::new();
        while let Some(data) = poll_fn(|cx| {
            let _ = connection.poll_closed(cx);
            body.poll_data(cx)
        })
        .await
        {
            bytes.extend_from_slice(&data?);
        }
        remember(asked, &head, &bytes);
        respond_to(&head, &mut respond, answer(head.uri.path()))?;
    }
    Ok(())
}

fn remember(asked: &Asked, head: &Parts, body: &[u8]) {
    let field = |name: &str| {
        head.headers.get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    };
    let path = head.uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
    let body = String::from_utf8_lossy(body).into_owned();
    let row = [head.method.to_string(), path, field("x-key"), field("user-agent"), body];
    asked.0.lock().unwrap().push(row);
}

fn respond_to(
    head: &Parts,
    respond: &mut SendResponse<Bytes>,
    pieces: Vec<&'static str>,
) -> Result<(), h2::Error> {
    let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
    let bodiless = head.method == Method::HEAD;
    let response = Response::builder().header("content-length", length).body(()).unwrap();
    let mut stream = respond.send_response(response, bodiless)?;
    if !bodiless {
        for piece in pieces {
            stream.send_data(Bytes::from_static(piece.as_bytes()), false)?;
        }
        stream.send_data(Bytes::new(), true)?;
    }
    Ok(())
}
