/* The shapes of texts: each run of digits as one 0, and each distinct result once. */

#include <stdbool.h>
#include <stdlib.h>
#if defined(__SSSE3__)
#include <tmmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "arrow.h"

#define WIDE 16 /* bytes that are worked on at a time */
typedef uint8_t Wide __attribute__((vector_size(WIDE)));
typedef bool Bits __attribute__((ext_vector_type(WIDE)));

/* One distinct shape: what it hashes to, and where it stands in `Shapes.bytes`. */
typedef struct {
    uint64_t hash;
    uint32_t begin, length;
} Shape;

/* In the order in which they were met; a slot holds the number of a shape, -1 if it is free (open addressing). */
typedef struct {
    Shape *shapes;
    int64_t count;
    int32_t *slots;
    uint64_t size; /* slots: a power of two, twice the shapes or more */
    uint8_t *bytes;
    uint64_t used, room; /* of them */
    uint64_t seed;
} Shapes;

static void drop(Shapes *shapes) {
    free(shapes->shapes);
    free(shapes->slots);
    free(shapes->bytes);
}

static uint64_t mixed(uint64_t a, uint64_t b) {
    const __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Of `length` bytes and the WIDE zeros behind them. */
static uint64_t hashed(const uint8_t *bytes, uint64_t length, uint64_t seed) {
    uint64_t hash = seed ^ length, words[2];
    for (const uint8_t *const end = bytes + length; bytes < end; bytes += sizeof words) {
        memcpy(words, bytes, sizeof words);
        hash = mixed(words[0] ^ seed, words[1] ^ hash);
    }
    return mixed(hash, 0x9E3779B97F4A7C15);
}

/* Makes room for `length` more bytes and for one more shape. Gives 0 where memory is out. */
static int grow(Shapes *shapes, uint64_t length) {
    if (shapes->used + length > shapes->room) {
        const uint64_t room = 2 * (shapes->used + length);
        uint8_t *bytes = realloc(shapes->bytes, room);
        if (!bytes) return 0;
        shapes->bytes = bytes;
        shapes->room = room;
    }
    if (2 * (uint64_t)shapes->count < shapes->size) return 1;
    const uint64_t size = shapes->size ? 2 * shapes->size : 1024;
    Shape *more = realloc(shapes->shapes, size / 2 * sizeof *more);
    if (!more) return 0;
    shapes->shapes = more;
    free(shapes->slots);
    if (!(shapes->slots = malloc(size * sizeof *shapes->slots))) return 0;
    memset(shapes->slots, -1, size * sizeof *shapes->slots);
    for (int32_t number = 0; number < shapes->count; number++) {
        uint64_t slot = more[number].hash & (size - 1);
        while (shapes->slots[slot] >= 0) slot = (slot + 1) & (size - 1);
        shapes->slots[slot] = number;
    }
    shapes->size = size;
    return 1;
}

/* The bytes of `wide` at these places. */
static inline Wide picked(Wide wide, Wide places) {
#if defined(__SSSE3__)
    return (Wide)_mm_shuffle_epi8((__m128i)wide, (__m128i)places);
#elif defined(__aarch64__)
    return (Wide)vqtbl1q_u8((uint8x16_t)wide, (uint8x16_t)places);
#else
    uint8_t from[WIDE], at[WIDE], to[WIDE];
    memcpy(from, &wide, WIDE);
    memcpy(at, &places, WIDE);
    for (int i = 0; i < WIDE; i++) to[i] = from[at[i] % WIDE];
    memcpy(&wide, to, WIDE);
    return wide;
#endif
}

static uint8_t places[256][8]; /* of the bits that are set in a byte */

__attribute__((constructor)) static void fill_places(void) {
    for (int byte = 0; byte < 256; byte++)
        for (int bit = 0, set = 0; bit < 8; bit++)
            if (byte >> bit & 1) places[byte][set++] = (uint8_t)bit;
}

/* Writes the bytes of `wide` that have a bit in `kept`. Gives their end; what stands in the WIDE bytes there is lost. */
static inline uint8_t *put(uint8_t *to, Wide wide, uint32_t kept) {
    const uint32_t low = kept & 255, high = kept >> 8;
    Wide chosen = {0};
    memcpy(&chosen, places[low], 8);
    chosen = picked(wide, chosen);
    memcpy(to, &chosen, 8);
    memcpy(&chosen, places[high], 8);
    chosen = picked(wide, chosen + 8);
    memcpy(to + __builtin_popcount(low), &chosen, 8);
    return to + __builtin_popcount(kept);
}

/* Writes a text with each run of digits as one 0, and WIDE zeros behind it. Gives its end. */
static uint8_t *reduced(uint8_t *to, const uint8_t *text, uint64_t length) {
    uint8_t padded[WIDE] = {0};
    if (length < WIDE) text = memcpy(padded + WIDE - length, text, length);
    uint32_t before = 0; /* 1 behind a digit */
    for (uint64_t at = 0; at < length; at += WIDE) {
        /* Nothing behind the text may be read: the last bytes come with some that were seen. */
        const uint64_t again = at + WIDE > length ? at + WIDE - length : 0;
        Wide wide;
        memcpy(&wide, text + at - again, WIDE);
        const Wide digit = (Wide)(wide - '0' < 10);
        const Bits bits = __builtin_convertvector(digit, Bits);
        uint16_t digits;
        memcpy(&digits, &bits, sizeof digits);
        const uint32_t one_more = digits & (digits << 1 | before), seen = (1u << again) - 1;
        to = put(to, (wide & ~digit) | ('0' & digit), (uint16_t)~(one_more | seen));
        before = digits >> (WIDE - 1);
    }
    memset(to, 0, WIDE);
    return to;
}

/* The number of a text's shape, -1 where memory is out. */
static int32_t numbered(Shapes *shapes, const uint8_t *text, uint32_t size) {
    if (!grow(shapes, (uint64_t)size + WIDE)) return -1;
    const uint8_t *const begin = shapes->bytes + shapes->used;
    const uint32_t length = (uint32_t)(reduced(shapes->bytes + shapes->used, text, size) - begin);
    const uint64_t hash = hashed(begin, length, shapes->seed);
    uint64_t slot = hash & (shapes->size - 1);
    for (int32_t number; (number = shapes->slots[slot]) >= 0; slot = (slot + 1) & (shapes->size - 1)) {
        const Shape known = shapes->shapes[number];
        if (known.hash == hash && known.length == length && !memcmp(shapes->bytes + known.begin, begin, length))
            return number;
    }
    shapes->shapes[shapes->count] = (Shape){hash, (uint32_t)shapes->used, length};
    shapes->used += length;
    return shapes->slots[slot] = (int32_t)shapes->count++;
}

/* Gives the shape of each text of a column without nulls, as its number in the distinct ones (less than 4 GiB of them).
 * Gives 0 where memory is out, -1 where the column is none of TEXT. */
int number_shapes(struct ArrowArrayStream *texts, uint64_t seed, uint32_t *numbers, struct ArrowSchema *schema,
                  struct ArrowArray *distinct) {
    if (!is_text(texts)) return -1;
    Shapes shapes = {.seed = seed};
    for (;;) {
        struct ArrowArray chunk;
        if (texts->get_next(texts, &chunk)) {
            drop(&shapes);
            return 0;
        }
        if (!chunk.release) break;
        const View *const views = (const View *)chunk.buffers[VIEWS] + chunk.offset;
        for (int64_t i = 0; i < chunk.length; i++) {
            const int32_t number = numbered(&shapes, bytes_of(views + i, chunk.buffers), views[i].length);
            if (number < 0) {
                chunk.release(&chunk);
                drop(&shapes);
                return 0;
            }
            *numbers++ = (uint32_t)number;
        }
        chunk.release(&chunk);
    }
    const uint64_t viewed = (uint64_t)shapes.count * sizeof(View);
    View *views = take(viewed);
    uint8_t *bytes = take(shapes.used);
    if (!views || !bytes) {
        give_back(views, viewed);
        give_back(bytes, shapes.used);
        drop(&shapes);
        return 0;
    }
    if (shapes.used) memcpy(bytes, shapes.bytes, shapes.used);
    for (int64_t i = 0; i < shapes.count; i++) views[i] = view_of(bytes, shapes.shapes[i].begin, shapes.shapes[i].length);
    const int64_t count = shapes.count, used = (int64_t)shapes.used;
    drop(&shapes);
    return give_texts(views, count, bytes, used, schema, distinct);
}
