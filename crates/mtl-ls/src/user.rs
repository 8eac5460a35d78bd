//! The verbs on a user's own files: `train`, `evaluate`, `predict`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use medner_core::crf::{Posterior, SpanQuery, SpanReader};
use medner_core::device;
use medner_core::model_folder::{MODEL, ModelFolder};
use medner_core::records::hold_out;
use medner_data::hash::hash_file;
use medner_data::predictions::{self, Found, Shape};
use medner_data::word_files::{self, Annotated};
use medner_data::{Sentence, Span};
use medner_experiment::{
    EvaluateArgs, PredictArgs, PredictFormat, RunContext, Scores, TrainArgs, config, evaluation,
};
use medner_metrics::{LabelSet, entity_report};

use crate::cells;
use crate::config::{Config, Epochs, Job, Limits};
use crate::encoder::{self, Pretrained};
use crate::folder::{self, TaggerFolder};
use crate::tagging::task::{Scored, Select, TaggerData};
use crate::tagging::{Encoded, TaggerTask, WordPieces};
use crate::xlnet::folder::TOKENIZER;

/// The annotated sentences of a file; what is left out of them is said, and what becomes of it.
fn annotated(path: &Path, of_left_out: &str) -> Result<Vec<Sentence>> {
    let read = word_files::annotated(path)?;
    read.warn(path, of_left_out, "they are learned so");
    Ok(read.sentences)
}

/// Refuses sentences with an entity type that is not among `known`.
fn check_labels(path: &Path, sentences: &[Sentence], known: &BTreeSet<&str>, remedy: &str) -> Result<()> {
    for sentence in sentences {
        if let Some(span) = sentence.spans.iter().find(|s| !known.contains(s.label.as_str())) {
            let known = known.iter().copied().collect::<Vec<_>>().join(", ");
            bail!(
                "{}: the sentence `{}` has the entity type `{}`; known are: {known}. {remedy}",
                path.display(),
                sentence.id,
                span.label
            );
        }
    }
    Ok(())
}

/// `mtl-ls train`.
///
/// # Errors
/// Bad data, no encoder, a configuration that differs at resume, a full disk.
pub fn train(args: &TrainArgs, ctx: &RunContext) -> Result<()> {
    let mut config: Config = config::from_value(&args.config)?;
    if config.job != Job::Tagger || config.limits != Limits::default() {
        bail!(
            "`job` and `limits` are for the cells of tables; `train` trains a tagger on the whole file: leave them out"
        );
    }
    let pool = match (&config.pool, config.slicing_rate) {
        (None, None) => None,
        (Some(folder), Some(rate)) => Some((folder.clone(), rate)),
        (Some(_), None) => bail!(
            "`pool` names the model whose lower layers are shared, and `slicing_rate` which share of them: give both (0.25, 0.5, 0.75 or 1 \
             of four layers)"
        ),
        (None, Some(_)) => bail!(
            "`slicing_rate` shares the lower layers of another model: name the folder of one by `--set pool=DIR`, which `mtl-ls train` \
             makes of the training files of all data sets together"
        ),
    };
    let Some(encoder_folder) = config.encoder.clone() else {
        bail!(
            "there is no encoder to start from: name the folder of an XLNet by `--set encoder=DIR` (a published one, or one that \
             `mtl-ls pretrain` made)"
        );
    };
    // Rounds are for the means of tables; here the development set chooses the epoch.
    config.training.epochs = Epochs { rounds: 0, ..config.training.epochs };
    device::set_threads(ctx.threads);
    let device = device::open(&ctx.device)?;
    let training = annotated(&args.train, "they are not learned")?;
    let dev = args.dev.as_deref();
    let given = dev.map(|path| annotated(path, "the development score does not count them")).transpose()?;
    let (train, development) = match &given {
        Some(development) => (training.as_slice(), development.as_slice()),
        None => held_out(&training, config.training.development),
    };
    if let Some(path) = dev.filter(|_| without_entities(development)) {
        bail!(
            "{}: holds no entities, so that every epoch would score 0 and none could be chosen; name a file with entities by `--dev`, \
             or keep the last epoch by `--set training.development=0` without `--dev`",
            path.display()
        );
    }
    let gold: Vec<Span> = train.iter().flat_map(|s| s.spans.iter().cloned()).collect();
    if gold.is_empty() {
        bail!("{}: holds no entities, so there is nothing to learn", args.train.display());
    }
    let labels = LabelSet::from_spans(config.scheme, &gold)?;
    let known: BTreeSet<&str> = labels.types().iter().map(String::as_str).collect();
    let (path, remedy) = match &args.dev {
        Some(path) => {
            (path, "Add examples of it to the training file, or take it out of the development file.")
        }
        None => (
            &args.train,
            "It stands in the last sentences only, which are held out for development: shuffle the file, add examples, or give a \
             file of its own by `--dev`.",
        ),
    };
    check_labels(path, development, &known, remedy)?;
    let mut files = BTreeMap::new();
    for (role, file) in [("train", Some(&args.train)), ("dev", args.dev.as_ref())] {
        if let Some(file) = file {
            files.insert(role.to_owned(), hash_file(file)?.sha256);
        }
    }
    let encoder = encoder::open(&encoder_folder)?;
    // A resume with other files at the same place would join the checkpoint's parameters with another encoder's pieces.
    let of_encoder = encoder::files_of(&encoder_folder)?;
    files.extend(of_encoder.iter().map(|(name, hash)| (format!("encoder/{name}"), hash.clone())));
    let pool = pool
        .map(|(folder, rate)| {
            // The rate first: a pool is large, and what is wrong with the rate the encoder alone tells.
            encoder::shared_layers(rate, encoder.folder.config.n_layer)?;
            Ok::<_, anyhow::Error>((pool_of(&folder, &encoder, &of_encoder, &mut files)?, rate))
        })
        .transpose()?;
    let pool = pool.as_ref().map(|(file, rate)| (file.as_path(), *rate));
    let tagger = cells::build(&config, &encoder, &labels, pool, args.seed, device)?;
    let pieces = WordPieces::new(&encoder.tokenizer);
    let encoded = Encoded::new(train, &pieces, &labels, &config.input)?;
    tracing::info!(
        "{} sentences to learn from ({} in windows), {} held out; {} parameters",
        train.len(),
        encoded.windowed,
        development.len(),
        tagger.params.count()
    );
    let dev = Some(Encoded::new(development, &pieces, &labels, &config.input)?);
    let dev = dev.filter(|_| !development.is_empty());
    let scored = vec![Scored { name: "ner".into(), dev, test: None }];
    let data = TaggerData { labels, train: encoded, scored };
    std::fs::create_dir_all(&args.out).with_context(|| {
        format!("{}: cannot be made; name a folder that can be written by `--out`", args.out.display())
    })?;
    let mut task = TaggerTask::new(tagger, data, &config.training, Select::Best, args.seed, device)?;
    let summary = cells::train(&config, args.seed, files, &mut task, None, ctx)?;
    folder::save(&args.out, &config, &task.labels, &encoder.tokenizer, &task.tagger, &of_encoder)?;
    if let Some(best) = summary.best {
        tracing::info!(
            "best development F1 {:.2} in epoch {} of {}; the model is in {}",
            100.0 * best.score,
            best.epoch + 1,
            summary.epochs,
            args.out.display()
        );
    } else {
        tracing::info!(
            "last epoch; nothing was held out to choose by; the model is in {}",
            args.out.display()
        );
    }
    Ok(())
}

/// The parameters of the tagger whose lower layers are shared; their hash goes with those of the other files. It must have been trained
/// from the encoder, whose upper layers read on what its lower ones say.
fn pool_of(
    folder: &Path,
    encoder: &Pretrained,
    of_encoder: &BTreeMap<String, String>,
    files: &mut BTreeMap<String, String>,
) -> Result<PathBuf> {
    let open = ModelFolder::open(folder, "mtl-ls")?;
    let refuse = |what: &str| {
        anyhow::anyhow!(
            "{}: {what} the encoder {}; the two share layers only if the model was trained from that encoder",
            folder.display(),
            encoder.folder.path().display()
        )
    };
    if open.bytes(TOKENIZER)? != encoder.tokenizer.file() {
        return Err(refuse("has other pieces than"));
    }
    match folder::origin(&open)? {
        Some(origin) if origin != *of_encoder => return Err(refuse("was trained from another encoder than")),
        Some(_) => {}
        None => tracing::warn!(
            "{}: does not say which encoder it was trained from; its layers are of use only if that was {}",
            folder.display(),
            encoder.folder.path().display()
        ),
    }
    let parameters = folder.join(MODEL);
    files.insert("pool".to_owned(), hash_file(&parameters)?.sha256);
    Ok(parameters)
}

/// The sentences to learn from and those, the last, that choose the epoch. Where those hold no entities, all are learned from and
/// the last epoch is kept: of equal scores the first epoch's would be.
fn held_out(training: &[Sentence], share: f64) -> (&[Sentence], &[Sentence]) {
    let (train, development) = hold_out(training, share);
    if !development.is_empty() && without_entities(development) {
        tracing::warn!(
            "the last {} sentences, which would be held out to choose the epoch, hold no entities: they are learned from, and the \
             last epoch is kept; shuffle the file, or give a file of its own by `--dev`",
            development.len()
        );
        return (training, &[]);
    }
    (train, development)
}

fn without_entities(sentences: &[Sentence]) -> bool {
    sentences.iter().all(|sentence| sentence.spans.is_empty())
}

/// `mtl-ls evaluate`.
///
/// # Errors
/// Bad data, a damaged model.
pub fn evaluate(args: &EvaluateArgs, ctx: &RunContext) -> Result<Scores> {
    device::set_threads(ctx.threads);
    let device = device::open(&ctx.device)?;
    let model = folder::load(&args.model, device)?;
    let read = word_files::annotated(&args.test)?;
    read.warn(&args.test, "they count as missed", "as they were annotated they count as missed");
    let Annotated { sentences, left_out, .. } = read.as_annotated();
    let known: BTreeSet<&str> = model.labels.types().iter().map(String::as_str).collect();
    let remedy = "Train a model with this type, or take it out of the test file.";
    check_labels(&args.test, &sentences, &known, remedy)?;
    let pieces = WordPieces::new(&model.tokenizer);
    let encoded = Encoded::new(&sentences, &pieces, &model.labels, &model.config.input)?;
    let predicted = encoded.predict(&model.labels, device, |batch| model.tagger.decode(batch))?;
    let mut report = entity_report(&encoded.gold, &predicted)?;
    for (label, count) in left_out {
        report.micro.gold += count;
        report.per_type.entry(label).or_default().gold += count;
    }
    let mut scores = Scores::new();
    evaluation::put_report(&mut scores, "ner", &report);
    Ok(scores)
}

/// `mtl-ls predict`.
///
/// # Errors
/// Bad input, a damaged model, an output that cannot be written.
pub fn predict(args: &PredictArgs, ctx: &RunContext) -> Result<()> {
    let shape = match args.format {
        PredictFormat::Text => Shape::Text,
        PredictFormat::Conll => Shape::Conll,
        PredictFormat::Jsonl => Shape::Jsonl,
        PredictFormat::Brat => Shape::Brat,
        PredictFormat::Pubtator => Shape::Pubtator,
    };
    predictions::check_output(shape, args.input.as_deref(), args.output.as_deref())?;
    device::set_threads(ctx.threads);
    let device = device::open(&ctx.device)?;
    let model = folder::load(&args.model, device)?;
    let words = word_files::text(args.input.as_deref())?;
    let (documents, cut) = (&words.documents, &words.sentences);
    let sentences: Vec<Sentence> = cut.iter().map(|s| s.sentence.clone()).collect();
    let progress = |done: usize, total: usize| ctx.progress.set(done as u64, total as u64, "sentences");
    let characters: Vec<Vec<char>> = documents.iter().map(|d| d.text.chars().collect()).collect();
    let mut found = vec![Vec::new(); documents.len()];
    let found_spans = find(&model, &sentences, device, &progress)?;
    for (sentence, spans) in cut.iter().zip(found_spans) {
        for (span, confidence) in spans {
            let Some(place) = sentence.to_characters(&span) else { continue };
            found[sentence.document].push(Found {
                text: characters[sentence.document][place.start..place.end].iter().collect(),
                start: place.start,
                end: place.end,
                label: span.label,
                confidence,
                concepts: Vec::new(),
                concept_confidence: None,
            });
        }
    }
    for entities in &mut found {
        entities.sort_by_key(|e| (e.start, e.end));
    }
    Ok(predictions::write_words(shape, &words, &found, args.output.as_deref())?)
}

/// A word's place among the labelled places of a sequence.
struct WordPlace {
    sequence: usize,
    places: std::ops::Range<usize>,
}

/// Sentences whose posteriors are held at a time.
const HELD: usize = 8192;

/// Entities of each sentence with the model's probability of each; `progress` is told sentences done and all sentences.
///
/// # Errors
/// As [`crate::tagging::XlnetCrf::decode_with_posterior`].
pub fn find(
    model: &TaggerFolder,
    sentences: &[Sentence],
    device: tch::Device,
    progress: &dyn Fn(usize, usize),
) -> Result<Vec<Vec<(Span, f64)>>> {
    let mut found = Vec::with_capacity(sentences.len());
    for some in sentences.chunks(HELD) {
        let before = found.len();
        let told = |done: usize, all: usize| {
            progress(before + some.len() * done / all.max(1), sentences.len());
        };
        found.extend(find_in(model, some, device, &told)?);
    }
    Ok(found)
}

fn find_in(
    model: &TaggerFolder,
    sentences: &[Sentence],
    device: tch::Device,
    progress: &dyn Fn(usize, usize),
) -> Result<Vec<Vec<(Span, f64)>>> {
    let reader = SpanReader::new(model.labels.scheme(), model.labels.tags())?;
    let pieces = WordPieces::new(&model.tokenizer);
    let encoded = Encoded::new(sentences, &pieces, &model.labels, &model.config.input)?;
    let mut tags = encoded.blank();
    let mut decoded: Vec<Option<(Vec<u32>, Posterior)>> = Vec::new();
    decoded.resize_with(encoded.sequences.len(), || None);
    let mut places: Vec<Vec<Option<WordPlace>>> =
        encoded.words.iter().map(|&n| (0..n).map(|_| None).collect()).collect();
    let mut done = 0;
    for chosen in encoded.evaluation_batches()? {
        let batch = encoded.batch(&chosen, device)?;
        for (&sequence, (labels, posterior)) in chosen.iter().zip(model.tagger.decode_with_posterior(&batch)?)
        {
            for (sentence, word, place) in encoded.word_places(sequence) {
                places[sentence][word] = Some(WordPlace { sequence, places: place });
            }
            encoded.place(&[sequence], std::slice::from_ref(&labels), &mut tags);
            decoded[sequence] = Some((labels, posterior));
        }
        done += chosen.len();
        progress(done, encoded.sequences.len());
    }
    let confidence = |sentence: usize, span: &Span| -> f64 {
        let (mut probability, mut done) = (1.0, 0);
        let words = &places[sentence][span.start..span.end];
        // An entity may begin in one window and end in the next: each window's part counts.
        for part in words.chunk_by(|a, b| a.as_ref().map(|w| w.sequence) == b.as_ref().map(|w| w.sequence)) {
            let (Some(Some(first)), Some(Some(last))) = (part.first(), part.last()) else { continue };
            let Some((labels, posterior)) = &decoded[first.sequence] else { continue };
            // Between windows the entity goes on: what bounds it stands before its first word and after its last. The label X, which
            // comes after the tags, does neither run into an entity nor continue one.
            let count = posterior.unary(first.places.start).len();
            let bound = |mut tags: Vec<bool>| {
                tags.resize(count, true);
                tags
            };
            let before = (done == 0).then(|| bound(reader.before(labels[first.places.start])));
            done += part.len();
            let after = (done == words.len()).then(|| bound(reader.after(labels[last.places.start])));
            probability *= posterior.span(&SpanQuery {
                start: first.places.start,
                tags: &labels[first.places.start..last.places.end],
                before: before.as_deref(),
                after: after.as_deref(),
            });
        }
        probability
    };
    let spans = tags.iter().enumerate().map(|(sentence, tags)| {
        let spans = model.labels.decode(tags).into_iter();
        spans.map(|span| (span.clone(), confidence(sentence, &span))).collect()
    });
    Ok(spans.collect())
}
