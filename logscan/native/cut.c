/* Parts of texts, between places that are known of their shapes. */

#include <stdlib.h>

#include "arrow.h"
#include "digits.h"

#define STEP 16 /* bytes that are looked at together */
#define NOWHERE UINT32_MAX

/* Where a text goes on behind `count` more bytes of its shape; no run of digits goes on where it begins. */
static const uint8_t *skip_in_shape(const uint8_t *text, const uint8_t *end, uint32_t count) {
    if (!count || text == end) return text;
    for (text++, count--; end - text >= STEP; text += STEP) {
        uint8_t more = 0; /* digits that are not the first of their run: the shape has none of them */
        for (int i = 0; i < STEP; i++) more += is_digit(text[i]) & is_digit(text[i - 1]);
        if (count + more < STEP) break;
        count -= STEP - more;
    }
    while (text < end && ((is_digit(text[0]) && is_digit(text[-1])) || count--)) text++;
    return text;
}

/* Long parts stay where they are, in the bytes of the texts, which are held as long as they. */
typedef struct {
    struct ArrowArray texts;
    View *views;
    uint8_t *valid;        /* a bit for each that is not null */
    const void *buffers[]; /* those two, and the others of the texts */
} Parts;

static void drop(Parts *parts, int64_t count) {
    if (parts->texts.release) parts->texts.release(&parts->texts);
    give_back(parts->views, (uint64_t)count * sizeof *parts->views);
    give_back(parts->valid, (uint64_t)count / 8 + 1);
    free(parts);
}

static void release_parts(struct ArrowArray *array) {
    drop(array->private_data, array->length);
    array->release = NULL;
}

/* Takes the texts over. Gives NULL where memory is out. */
static Parts *new_parts(struct ArrowArray *texts) {
    const uint64_t count = (uint64_t)texts->length;
    Parts *parts = malloc(sizeof *parts + (uint64_t)texts->n_buffers * sizeof *parts->buffers);
    if (!parts) {
        texts->release(texts);
        return NULL;
    }
    *parts = (Parts){.texts = *texts, .views = take(count * sizeof *parts->views), .valid = take(count / 8 + 1)};
    if (!parts->views || !parts->valid) {
        drop(parts, texts->length);
        return NULL;
    }
    memset(parts->valid, 0, count / 8 + 1);
    memcpy(parts->buffers, texts->buffers, (uint64_t)texts->n_buffers * sizeof *parts->buffers);
    parts->buffers[VALIDITY] = parts->valid;
    parts->buffers[VIEWS] = parts->views;
    return parts;
}

/* Cuts out of each text what stands between two places of its shape: `shapes` has the number of each, by which `begins`
 * and `ends` say how many bytes of the shape are before them, NOWHERE for a null. The texts are one chunk without nulls.
 * Gives 0 where memory is out, -1 where the column is none of TEXT. */
int cut_texts(struct ArrowArrayStream *column, const uint32_t *shapes, const uint32_t *begins, const uint32_t *ends,
              struct ArrowSchema *schema, struct ArrowArray *array) {
    if (!is_text(column)) return -1;
    struct ArrowArray texts;
    if (column->get_next(column, &texts) || !texts.release) return 0;
    Parts *const parts = new_parts(&texts);
    if (!parts) return 0;
    const View *const views = (const View *)texts.buffers[VIEWS] + texts.offset;
    int64_t nulls = 0, shared = 0;
    for (int64_t i = 0; i < texts.length; i++) {
        const uint32_t before = begins[shapes[i]];
        if (before == NOWHERE) {
            parts->views[i] = (View){0};
            nulls++;
            continue;
        }
        const uint8_t *const text = bytes_of(views + i, texts.buffers), *const stop = text + views[i].length;
        const uint8_t *const begin = skip_in_shape(text, stop, before);
        const uint8_t *const end = skip_in_shape(begin, stop, ends[shapes[i]] - before);
        View part = view_of(text, (uint32_t)(begin - text), (uint32_t)(end - begin));
        if (part.length > sizeof part.bytes) {
            part.longer.buffer = views[i].longer.buffer;
            part.longer.begin += views[i].longer.begin;
            shared = 1;
        }
        parts->views[i] = part;
        parts->valid[i / 8] |= (uint8_t)(1 << i % 8);
    }
    if (!shared) {
        parts->texts.release(&parts->texts);
        parts->buffers[BYTES] = parts->views; /* the lengths of no buffers: anything that is aligned */
    }
    give_schema(schema);
    *array = (struct ArrowArray){
        .length = texts.length,
        .null_count = nulls,
        .n_buffers = shared ? texts.n_buffers : BYTES + 1,
        .buffers = parts->buffers,
        .release = release_parts,
        .private_data = parts,
    };
    return 1;
}
