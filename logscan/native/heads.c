/* What texts begin with, such as a time stamp: many in a row begin alike. */

#include "arrow.h"
#include "digits.h"

/* Where a text goes on that begins with what has the shape `before`, where each run of digits is one 0; NULL if it does
 * not begin so. */
static const uint8_t *skip_prefix(const uint8_t *text, const uint8_t *end, const uint8_t *before, int64_t length) {
    for (int64_t i = 0; i < length; i++) {
        if (text == end || (before[i] == '0' ? !is_digit(*text) : *text != before[i])) return NULL;
        text++;
        if (before[i] == '0')
            while (text < end && is_digit(*text)) text++;
    }
    return text;
}

/* The number that `digits` digits make (9 at most) in front of `after`, or of the end if that is empty; -1 if none. */
static int32_t number(const uint8_t *text, const uint8_t *end, int64_t digits, const uint8_t *after, int64_t length) {
    if (end - text < digits + length || (!length && end - text > digits)) return -1;
    int32_t value = 0;
    for (const uint8_t *stop = text + digits; text < stop; text++) {
        if (!is_digit(*text)) return -1;
        value = 10 * value + *text - '0';
    }
    return memcmp(text, after, (size_t)length) ? -1 : value;
}

/* Finds where in a column without nulls the head of a text, that is `size` bytes behind what has the shape `before`,
 * differs from that of the text before it. Writes, of `heads` such texts, the rows to `firsts`, and to `ends` where the
 * heads end, 0 for what does not begin with `before`. Writes to `numbers`, if there are `digits`, what stands behind the
 * head of each text, see `number`. Gives 0 where memory is out, -1 where the column is none of TEXT. */
int find_heads(struct ArrowArrayStream *texts, const uint8_t *before, int64_t length, int64_t size, int64_t digits,
               const uint8_t *after, int64_t after_length, uint32_t *firsts, uint32_t *ends, int32_t *numbers,
               int64_t *heads) {
    if (!is_text(texts)) return -1;
    uint32_t row = 0;
    for (*heads = 0;;) {
        struct ArrowArray chunk;
        if (texts->get_next(texts, &chunk)) return 0;
        if (!chunk.release) return 1;
        const View *const views = (const View *)chunk.buffers[VIEWS] + chunk.offset;
        const uint8_t *last = NULL; /* head, in this chunk */
        int64_t last_size = -1;
        for (int64_t i = 0; i < chunk.length; i++, row++) {
            const uint8_t *const text = bytes_of(views + i, chunk.buffers), *const end = text + views[i].length;
            const uint8_t *begin = skip_prefix(text, end, before, length), *stop = begin;
            if (begin) {
                stop = end - begin > size ? begin + size : end;
                while (stop < end && *stop >> 6 == 2) stop++; /* no character is cut in two */
            }
            if (digits) numbers[row] = begin ? number(stop, end, digits, after, after_length) : -1;
            if (last_size == stop - begin && !(last_size && memcmp(begin, last, (size_t)last_size))) continue;
            firsts[*heads] = row;
            ends[(*heads)++] = begin ? (uint32_t)(stop - text) : 0;
            last = begin;
            last_size = stop - begin;
        }
        chunk.release(&chunk);
    }
}
