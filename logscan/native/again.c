/* Lines of a file, read again where they are known to begin. */

#define _GNU_SOURCE /* of memmem */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { USUAL = 512 }; /* bytes of most lines */

/* How many of these bytes the line takes that they begin with, its line feed included; 0 where there is none. */
static int64_t line_length(const uint8_t *bytes, int64_t size, const uint8_t *feed, int64_t width) {
    const uint8_t *at = bytes, *const end = bytes + size;
    while ((at = memmem(at, (size_t)(end - at), feed, (size_t)width)) && (at - bytes) % width) at++;
    return at ? at - bytes + width : 0;
}

/* Reads the lines that begin at `count` offsets of a file, one behind the other, each with its line feed of `width`
 * bytes: the last of the file may have none, and one is put behind the first `longest` bytes of a line that is longer.
 * Ends where there is no room for those, or nothing to be read. Gives how many lines there are, -1 where they cannot be
 * read, and in `used` the bytes that they take. */
int64_t read_lines(int file, const int64_t *offsets, int64_t count, const uint8_t *feed, int64_t width, int64_t longest,
                   uint8_t *lines, int64_t size, int64_t *used) {
    int64_t line = 0;
    for (*used = 0; line < count && *used + longest + width <= size; line++) {
        uint8_t *const begin = lines + *used;
        int64_t asked = USUAL < longest ? USUAL : longest, got = pread(file, begin, (size_t)asked, offsets[line]);
        int64_t length = got > 0 ? line_length(begin, got, feed, width) : 0;
        if (!length && got == asked) {
            asked = longest;
            got = pread(file, begin, (size_t)asked, offsets[line]);
            length = got > 0 ? line_length(begin, got, feed, width) : 0;
        }
        if (got < 0) return -1;
        if (!got) break;
        if (!length && got == asked) {
            memcpy(begin + longest, feed, (size_t)width);
            length = longest + width;
        }
        *used += length ? length : got;
    }
    return line;
}
