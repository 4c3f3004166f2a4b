/*
 * The real-time clock (MC146818): what time it is at boot. Afterwards time
 * comes from the time stamp counter.
 */
#include <arch/machine.h>
#include <asm/msr.h>
#include <asm/setup.h>

#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71

#define RTC_SECOND      0x00
#define RTC_MINUTE      0x02
#define RTC_HOUR        0x04
#define RTC_DAY         0x07
#define RTC_MONTH       0x08
#define RTC_YEAR        0x09
#define RTC_STATUS_A    0x0a
#define RTC_STATUS_B    0x0b
#define STATUS_A_UPDATE 0x80
#define STATUS_B_BINARY 0x04
#define STATUS_B_24H    0x02
#define HOUR_PM         0x80
#define UPDATE_TRIES    10000 /* an update takes 2 ms at most */

static u64 boot_seconds;

static u8 cmos(u8 index)
{
    outb(CMOS_INDEX, index);
    return inb(CMOS_DATA);
}

static unsigned field(u8 index, u8 status)
{
    u8 v = cmos(index) & (index == RTC_HOUR ? (u8)~HOUR_PM : 0xff);

    return status & STATUS_B_BINARY ? v : (v >> 4) * 10u + (v & 15);
}

static unsigned hour(u8 status)
{
    unsigned h = field(RTC_HOUR, status);

    if (status & STATUS_B_24H)
        return h;
    return h % 12 + (cmos(RTC_HOUR) & HOUR_PM ? 12 : 0);
}

/* Days from 1 January 1970 to a date of the proleptic Gregorian calendar,
 * with years that begin in March so that the leap day comes last. */
static u64 days(unsigned year, unsigned month, unsigned day)
{
    unsigned y = year - (month <= 2), m = (month + 9) % 12;
    u64 since_year_0 = 365ul * y + y / 4 - y / 100 + y / 400;

    return since_year_0 + (153 * m + 2) / 5 + day - 1 - 719468;
}

void rtc_init(void)
{
    u8 status = cmos(RTC_STATUS_B);
    int tries;
    u64 d;

    for (tries = 0; tries < UPDATE_TRIES; tries++)
        if (!(cmos(RTC_STATUS_A) & STATUS_A_UPDATE))
            break;
    d = days(2000 + field(RTC_YEAR, status), field(RTC_MONTH, status),
             field(RTC_DAY, status));
    boot_seconds =
        ((d * 24 + hour(status)) * 60 + field(RTC_MINUTE, status)) * 60 +
        field(RTC_SECOND, status);
}

u64 rtc_seconds(void)
{
    return boot_seconds;
}
