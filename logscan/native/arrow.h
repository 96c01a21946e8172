/* Columns of text as other libraries give and take them: https://arrow.apache.org/docs/format/CDataInterface.html */

#ifndef LOGSCAN_ARROW_H
#define LOGSCAN_ARROW_H

#include <stdint.h>
#include <string.h>

struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

/* The format of a column of views. Its buffers: validity, views, those of bytes, and how long the latter are. */
#define TEXT "vu"
enum { VALIDITY, VIEWS, BYTES };

/* One text: up to twelve bytes stand in the view itself, longer ones in a buffer. */
typedef struct {
    uint32_t length;
    union {
        uint8_t bytes[12];
        struct {
            uint8_t prefix[4];
            uint32_t buffer, begin;
        } longer;
    };
} View;

static inline View view_of(const uint8_t *bytes, uint32_t begin, uint32_t length) {
    View view = {.length = length, .bytes = {0}};
    if (length <= sizeof view.bytes) {
        memcpy(view.bytes, bytes + begin, length);
    } else {
        memcpy(view.longer.prefix, bytes + begin, sizeof view.longer.prefix);
        view.longer.begin = begin;
    }
    return view;
}

static inline const uint8_t *bytes_of(const View *view, const void *const *buffers) {
    if (view->length <= sizeof view->bytes) return view->bytes;
    return (const uint8_t *)buffers[BYTES + view->longer.buffer] + view->longer.begin;
}

/* Memory for a column, NULL where it is out, and back. A large piece has pages of its own, so that the small things
 * which others allocate while it is held leave no holes where it was; and a few of these are kept for whoever takes the
 * next, since fresh pages cost more than most work on them. */
void *take(uint64_t size);
void give_back(void *memory, uint64_t size);

/* Whether a column is one of TEXT. */
int is_text(struct ArrowArrayStream *column);

/* Says that a column is one of TEXT, which may have nulls. */
void give_schema(struct ArrowSchema *schema);

/* Gives `count` texts away, with the views and the bytes that they consist of, both taken with the sizes that they have;
 * where memory is out it gives them back, and 0. */
int give_texts(View *views, int64_t count, uint8_t *bytes, int64_t size, struct ArrowSchema *schema,
               struct ArrowArray *array);

#endif
