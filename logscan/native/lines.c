/* Text as a column of lines. */

#include "arrow.h"

/* Finds the line feeds in `size` bytes of code units, each `width` bytes, of which `feed` is one. Writes where the first
 * `room` of them are, and gives how many there are. */
int64_t find_feeds(const uint8_t *bytes, int64_t size, const uint8_t *feed, int64_t width, int64_t *feeds, int64_t room) {
    const uint8_t *const end = bytes + size;
    const int64_t before = feed[0] != '\n'; /* bytes of the feed */
    int64_t count = 0;
    for (const uint8_t *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))); at++) {
        const int64_t begin = at - bytes - before;
        if (width > 1 && (begin % width || begin + width > size || memcmp(bytes + begin, feed, (size_t)width))) continue;
        if (count < room) feeds[count] = begin;
        count++;
    }
    return count;
}

/* Makes a column of the lines in `size` bytes (less than 4 GiB) of UTF-8 that end at `count` line feeds; where there are
 * none, all is one line. A carriage return before a feed goes too. Gives 0 where memory is out. */
int split_lines(const uint8_t *text, int64_t size, const int64_t *feeds, int64_t count, struct ArrowSchema *schema,
                struct ArrowArray *array) {
    const int64_t lines = count ? count : 1;
    View *views = take((uint64_t)lines * sizeof *views);
    uint8_t *bytes = take((uint64_t)size);
    if (!views || !bytes) {
        give_back(views, (uint64_t)lines * sizeof *views);
        give_back(bytes, (uint64_t)size);
        return 0;
    }
    memcpy(bytes, text, (size_t)size);
    if (!count) views[0] = view_of(bytes, 0, (uint32_t)size);
    int64_t begin = 0;
    for (int64_t line = 0; line < count; line++) {
        const int64_t feed = feeds[line], end = feed - (feed > begin && bytes[feed - 1] == '\r');
        views[line] = view_of(bytes, (uint32_t)begin, (uint32_t)(end - begin));
        begin = feed + 1;
    }
    return give_texts(views, lines, bytes, size, schema, array);
}
