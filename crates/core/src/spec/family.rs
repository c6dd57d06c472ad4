//! What only some interfaces of the OpenAI family ask: lists of texts, documents to rank, audio, pictures.

use serde::Serialize;

/// What only some interfaces of the OpenAI family ask.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Family {
    /// Members that the server refused before the run, and that requests therefore lack.
    pub without: Vec<String>,
    /// Texts of one request for embeddings, at least 1. With 1 the input is a text, else a list.
    pub inputs: u32,
    /// Length asked for of each embedding.
    pub dimensions: Option<u32>,
    /// What is asked of a reranker.
    pub rerank: Rerank,
    /// Length of the synthetic audio to transcribe, in seconds, above 0.
    pub audio_seconds: f64,
    /// Width and height asked for of generated images, in pixels.
    pub image_size: Option<(u32, u32)>,
}

/// What is asked of a reranker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rerank {
    /// What the documents are ranked by.
    pub query: String,
    /// Documents of each request, at least 1.
    pub documents: u32,
    /// Answer with so many of the best only.
    pub top_n: Option<u32>,
    /// Whether the answer repeats the documents; the server's choice if nobody says so.
    pub return_documents: Option<bool>,
}

impl Default for Family {
    fn default() -> Self {
        Family {
            without: Vec::new(),
            inputs: 1,
            dimensions: None,
            rerank: Rerank::default(),
            audio_seconds: 10.0,
            image_size: None,
        }
    }
}

impl Default for Rerank {
    fn default() -> Self {
        Rerank {
            query: "Which of these tells of the sea?".to_owned(),
            documents: 10,
            top_n: None,
            return_documents: None,
        }
    }
}
