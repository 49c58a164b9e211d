"""What is taken for a telephone number, with numbers that are kept free for fiction."""

import unittest

from acme_phone.number import normalized


class NumberTest(unittest.TestCase):
    """Single numbers."""

    def test_each_country_writes_numbers_its_own_way(self) -> None:
        for text, region, expected in (
            ("(202) 555-0123", "US", "+12025550123"),
            ("+1 415.555.0199", "GB", "+14155550199"),
            ("020 7946 0958", "GB", "+442079460958"),
            ("+44 (0)113 496 0000", None, "+441134960000"),
            ("01 99 00 42 17", "FR", "+33199004217"),
            ("(02) 5550 1234", "AU", "+61255501234"),
        ):
            with self.subTest(text):
                self.assertEqual(normalized(text, region, form="E164", check="valid"), expected)

    def test_the_forms(self) -> None:
        forms = {
            "INTERNATIONAL": "+1 202-555-0123",
            "NATIONAL": "(202) 555-0123",
            "RFC3966": "tel:+1-202-555-0123",
        }
        for form, expected in forms.items():
            found = normalized("2025550123", "US", form=form, check="valid")
            self.assertEqual(found, expected)

    def test_what_is_no_number(self) -> None:
        for text in ("", "ask reception", "555-01", "+44 07700", "020 7946 0958"):
            self.assertIsNone(normalized(text, "US", form="E164", check="valid"), text)
        self.assertIsNone(normalized("020 7946 0958", None, form="E164", check="possible"))

    def test_a_number_that_nobody_can_own_is_possible_but_not_valid(self) -> None:
        self.assertIsNone(normalized("07700 900123", "GB", form="E164", check="valid"))
        possible = normalized("07700 900123", "GB", form="E164", check="possible")
        self.assertEqual(possible, "+447700900123")


if __name__ == "__main__":
    unittest.main()
