"""The console's style sheet for a scale: one short sheet for the whole window, made from the tokens."""

from __future__ import annotations

from ui.common.tokens import tokens


def style_sheet(scale: float) -> str:
    """Qt's style sheet; sizes are those of a 1920 × 1080 screen times the scale."""
    colours, kinds = tokens().console, tokens().console_type
    small, body, lead, heading = (round(size * scale) for size in (kinds.small, kinds.body, kinds.lead, kinds.heading))
    tall, low = round(56 * scale), round(42 * scale)
    return f"""
* {{ color: {colours.ink}; font-size: {body}px; }}
QWidget#console {{ background: {colours.ground}; }}
QToolTip {{ background: {colours.raised}; border: 1px solid {colours.line}; }}
QScrollArea, QScrollArea > QWidget > QWidget, QWidget[kind="clear"] {{ background: transparent; }}
QScrollBar:vertical {{ background: transparent; width: 10px; }}
QScrollBar::handle:vertical {{ background: {colours.line}; border-radius: 5px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}
QFrame[kind="panel"] {{ background: {colours.panel}; border: 1px solid {colours.line}; border-radius: 12px; }}
QFrame[kind="raised"] {{ background: {colours.raised}; border: 0; border-radius: 10px; }}
QFrame[kind="alert"] {{ background: {colours.panel}; border: 2px solid {colours.critical}; border-radius: 10px; }}
QFrame[kind="header"] {{ background: {colours.panel}; border: 0; }}
QLabel {{ background: transparent; border: 0; }}
QLabel[kind="heading"] {{ font-size: {heading}px; font-weight: bold; }}
QLabel[kind="lead"] {{ font-size: {lead}px; font-weight: bold; }}
QLabel[kind="strong"] {{ font-weight: bold; }}
QLabel[kind="small"] {{ font-size: {small}px; }}
QLabel[kind="strong-small"] {{ font-size: {small}px; font-weight: bold; }}
QLabel[kind="second"], QLabel[kind="quiet"] {{ color: {colours.second}; font-size: {small}px; }}
QLabel[kind="warn"] {{ color: {colours.medium}; font-size: {small}px; font-weight: bold; }}
QLabel[kind="good"] {{ color: {colours.successful}; font-size: {lead}px; font-weight: bold; }}
QLabel[kind="bad"] {{ color: {colours.critical}; font-size: {lead}px; font-weight: bold; }}
QLabel[kind="successful"] {{ color: {colours.successful}; font-size: {small}px; }}
QLabel[kind="failed"] {{ color: {colours.critical}; font-size: {small}px; font-weight: bold; }}
QLabel[kind="aborted"] {{ color: {colours.high}; font-size: {small}px; font-weight: bold; }}
QLabel[kind="undetermined"] {{ color: {colours.medium}; font-size: {small}px; font-weight: bold; }}
QLabel[kind="not_supported"] {{ color: {colours.second}; font-size: {small}px; }}
QLabel[kind="chip-refer"], QLabel[kind="chip-admit"] {{
    color: {colours.on_signal}; font-weight: bold; border-radius: 8px; padding: 4px 14px; }}
QLabel[kind="chip-refer"] {{ background: {colours.medium}; }}
QLabel[kind="chip-admit"] {{ background: {colours.successful}; }}
QPushButton {{ background: {colours.raised}; border: 1px solid {colours.line}; border-radius: 10px; padding: 0 12px; }}
QPushButton:focus {{ border: 3px solid {colours.accent}; }}
QPushButton:pressed {{ background: {colours.line}; }}
QPushButton[kind="reason"] {{ min-height: {low}px; text-align: left; }}
QPushButton[kind="reason"]:checked {{ background: {colours.accent}; color: {colours.on_accent}; font-weight: bold; }}
QPushButton[kind="action"], QPushButton[kind="main"], QPushButton[kind="danger"] {{
    min-height: {tall}px; font-size: {lead}px; font-weight: bold; }}
QPushButton[kind="main"]:enabled {{ background: {colours.accent}; color: {colours.on_accent}; border-color: {colours.accent}; }}
QPushButton[kind="main"]:enabled:focus {{ border-color: {colours.ink}; }}
QPushButton[kind="danger"]:enabled {{ background: {colours.panel}; color: {colours.high}; border: 2px solid {colours.high}; }}
QPushButton[kind="danger"]:enabled:focus {{ border: 3px solid {colours.accent}; }}
QPushButton:disabled {{ background: {colours.panel}; color: {colours.quiet}; border-color: {colours.raised}; }}
"""
